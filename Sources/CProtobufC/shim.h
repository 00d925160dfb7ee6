#include <protobuf-c/protobuf-c.h>

/* A buffer for protobuf_c_message_pack_to_buffer with room for what its append function needs to know. */
typedef struct {
  ProtobufCBuffer base;
  void *context;
} ProtobufCContextBuffer;
