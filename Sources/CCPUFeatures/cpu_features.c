#define _GNU_SOURCE
#include "cpu_features.h"

#include <unistd.h>

#if defined(__linux__)
#include <sched.h>
#endif

int cpu_allowed_count(void) {
#if defined(__linux__)
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0 && CPU_COUNT(&allowed) > 0) return CPU_COUNT(&allowed);
#endif
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}

#if defined(__x86_64__)
#include <cpuid.h>

// XCR0 tells which register state the system saves on a context switch; without it the instructions fault.
static unsigned extended_control_register(void) {
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

cpu_features cpu_features_detect(void) {
    cpu_features features = {0, 0};
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return features;
    const unsigned needed = bit_OSXSAVE | bit_AVX | bit_FMA | bit_F16C;
    if ((c & needed) != needed) return features;
    const unsigned xmm_ymm = 0x06, opmask_zmm = 0xE0;
    const unsigned saved = extended_control_register();
    if ((saved & xmm_ymm) != xmm_ymm) return features;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return features;
    features.avx2_fma = (b & bit_AVX2) != 0;
    const unsigned wide = bit_AVX512F | bit_AVX512VL | bit_AVX512DQ | bit_AVX512BW;
    features.avx512 = features.avx2_fma && (b & wide) == wide && (saved & opmask_zmm) == opmask_zmm;
    return features;
}
#else
cpu_features cpu_features_detect(void) {
    cpu_features features = {0, 0};
    return features;
}
#endif
