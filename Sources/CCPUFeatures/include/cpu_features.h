#ifndef CPU_FEATURES_H
#define CPU_FEATURES_H

/// What the processor *and* the operating system (which must save the wide registers) support. All zero on other architectures
/// than x86-64.
typedef struct {
    int avx2_fma;  ///< AVX2, FMA and F16C
    int avx512;    ///< AVX-512 F, VL, DQ and BW
} cpu_features;

cpu_features cpu_features_detect(void);

/// Processors that the system lets this process use; 1 where it does not tell.
int cpu_allowed_count(void);

/// Tells the processor that a loop waits for another thread, which leaves its execution units to a sibling and saves power.
static inline void cpu_relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/// Asks for the cache line at an address, to lie in the second-level cache when it is read. Any address does no harm.
static inline void cpu_prefetch(const void *address) {
    __builtin_prefetch(address, 0, 2);
}

#endif
