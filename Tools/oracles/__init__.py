"""What the oracle scripts share: public programs run beside onnxcnn, never the code under test itself."""
