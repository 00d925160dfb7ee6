#ifndef CPU_FEATURES_H
#define CPU_FEATURES_H

/// What the processor *and* the operating system (which must save the wide registers) support. All zero on other architectures
/// than x86-64.
typedef struct {
    int avx2_fma;  ///< AVX2, FMA and F16C
    int avx512;    ///< AVX-512 F, VL, DQ and BW
} cpu_features;

cpu_features cpu_features_detect(void);

#endif
