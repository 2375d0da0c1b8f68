// The part of ONNX Runtime's C interface that Strongroom uses.
//
// The library's wheel comes without a header, so this declares what is called. The interface is a
// struct of function pointers that only ever grows at its end: a slot never moves, and the gaps
// below are slots that are not used. shims.c checks each slot's place at compile time.
#pragma once

#include <locale.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <wchar.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

// The version of the interface that is asked for: every slot below is in it.
#define ORT_API_VERSION_USED 18

typedef struct OrtStatus OrtStatus;
typedef struct OrtEnv OrtEnv;
typedef struct OrtSession OrtSession;
typedef struct OrtSessionOptions OrtSessionOptions;
typedef struct OrtRunOptions OrtRunOptions;
typedef struct OrtValue OrtValue;
typedef struct OrtTypeInfo OrtTypeInfo;
typedef struct OrtTensorTypeAndShapeInfo OrtTensorTypeAndShapeInfo;
typedef struct OrtMemoryInfo OrtMemoryInfo;
typedef struct OrtAllocator OrtAllocator;

// Enumerations of the interface, as the plain integers that they are in its ABI.
typedef uint32_t OrtErrorCode;
typedef uint32_t OrtLoggingLevel;
typedef uint32_t GraphOptimizationLevel;
typedef uint32_t ExecutionMode;
typedef uint32_t OrtValueKind;
typedef uint32_t OrtElementType;
typedef int32_t OrtAllocatorType;
typedef int32_t OrtMemType;

enum {
    ORT_ERROR_FAIL = 1,
    ORT_ERROR_INVALID_ARGUMENT = 2,
    ORT_ERROR_NO_MODEL = 4,
    ORT_ERROR_ENGINE_ERROR = 5,
    ORT_ERROR_INVALID_PROTOBUF = 7,
    ORT_ERROR_NOT_IMPLEMENTED = 9,
    ORT_ERROR_INVALID_GRAPH = 10,
    ORT_ERROR_EP_FAIL = 11,
};

enum { ORT_LOG_INFO = 1, ORT_LOG_FATAL = 4 };
enum { ORT_OPTIMIZE_ALL = 99 };
enum { ORT_EXECUTE_SEQUENTIAL = 0 };
enum { ORT_ALLOCATOR_DEVICE = 0, ORT_MEMORY_DEFAULT = 0 };
enum {
    ORT_KIND_TENSOR = 1,
    ORT_KIND_SEQUENCE = 2,
    ORT_KIND_MAP = 3,
    ORT_KIND_OPAQUE = 4,
    ORT_KIND_SPARSE_TENSOR = 5,
    ORT_KIND_OPTIONAL = 6,
};

enum {
    ORT_ELEMENT_FLOAT = 1,
    ORT_ELEMENT_UINT8 = 2,
    ORT_ELEMENT_INT8 = 3,
    ORT_ELEMENT_UINT16 = 4,
    ORT_ELEMENT_INT16 = 5,
    ORT_ELEMENT_INT32 = 6,
    ORT_ELEMENT_INT64 = 7,
    ORT_ELEMENT_STRING = 8,
    ORT_ELEMENT_BOOL = 9,
    ORT_ELEMENT_FLOAT16 = 10,
    ORT_ELEMENT_DOUBLE = 11,
    ORT_ELEMENT_UINT32 = 12,
    ORT_ELEMENT_UINT64 = 13,
    ORT_ELEMENT_COMPLEX64 = 14,
    ORT_ELEMENT_COMPLEX128 = 15,
    ORT_ELEMENT_BFLOAT16 = 16,
    ORT_ELEMENT_FLOAT8E4M3FN = 17,
    ORT_ELEMENT_FLOAT8E4M3FNUZ = 18,
    ORT_ELEMENT_FLOAT8E5M2 = 19,
    ORT_ELEMENT_FLOAT8E5M2FNUZ = 20,
    ORT_ELEMENT_UINT4 = 21,
    ORT_ELEMENT_INT4 = 22,
    ORT_ELEMENT_FLOAT4E2M1 = 23,
    ORT_ELEMENT_FLOAT8E8M0 = 24,
    ORT_ELEMENT_UINT2 = 25,
    ORT_ELEMENT_INT2 = 26,
};

typedef void (*OrtLoggingFunction)(void *_Nullable param, OrtLoggingLevel severity,
    const char *_Nullable category, const char *_Nullable logid,
    const char *_Nullable code_location, const char *_Nullable message);

// A call returns NULL when it succeeds, otherwise a status to read and release.
typedef struct OrtApi {
    void *_Nullable reserved_0;
    OrtErrorCode (*_Nonnull GetErrorCode)(const OrtStatus *status);
    const char *_Nullable (*_Nonnull GetErrorMessage)(const OrtStatus *status);
    void *_Nullable reserved_3;
    OrtStatus *_Nullable (*_Nonnull CreateEnvWithCustomLogger)(OrtLoggingFunction logging_function,
        void *_Nullable logger_param, OrtLoggingLevel log_severity_level, const char *logid,
        OrtEnv *_Nullable *_Nonnull out);
    void *_Nullable reserved_5_7[3];
    OrtStatus *_Nullable (*_Nonnull CreateSessionFromArray)(const OrtEnv *env,
        const void *model_data, size_t model_data_length, const OrtSessionOptions *options,
        OrtSession *_Nullable *_Nonnull out);
    OrtStatus *_Nullable (*_Nonnull Run)(OrtSession *session,
        const OrtRunOptions *_Nullable run_options,
        const char *_Nullable const *_Nonnull input_names,
        const OrtValue *_Nullable const *_Nonnull inputs, size_t input_len,
        const char *_Nullable const *_Nonnull output_names, size_t output_names_len,
        OrtValue *_Nullable *_Nonnull outputs);
    OrtStatus *_Nullable (*_Nonnull CreateSessionOptions)(
        OrtSessionOptions *_Nullable *_Nonnull options);
    void *_Nullable reserved_11_12[2];
    OrtStatus *_Nullable (*_Nonnull SetSessionExecutionMode)(OrtSessionOptions *options,
        ExecutionMode execution_mode);
    void *_Nullable reserved_14_16[3];
    OrtStatus *_Nullable (*_Nonnull DisableMemPattern)(OrtSessionOptions *options);
    void *_Nullable reserved_18;
    OrtStatus *_Nullable (*_Nonnull DisableCpuMemArena)(OrtSessionOptions *options);
    OrtStatus *_Nullable (*_Nonnull SetSessionLogId)(OrtSessionOptions *options,
        const char *logid);
    void *_Nullable reserved_21;
    OrtStatus *_Nullable (*_Nonnull SetSessionLogSeverityLevel)(OrtSessionOptions *options,
        int session_log_severity_level);
    OrtStatus *_Nullable (*_Nonnull SetSessionGraphOptimizationLevel)(OrtSessionOptions *options,
        GraphOptimizationLevel graph_optimization_level);
    OrtStatus *_Nullable (*_Nonnull SetIntraOpNumThreads)(OrtSessionOptions *options,
        int intra_op_num_threads);
    OrtStatus *_Nullable (*_Nonnull SetInterOpNumThreads)(OrtSessionOptions *options,
        int inter_op_num_threads);
    void *_Nullable reserved_26_29[4];
    OrtStatus *_Nullable (*_Nonnull SessionGetInputCount)(const OrtSession *session, size_t *out);
    OrtStatus *_Nullable (*_Nonnull SessionGetOutputCount)(const OrtSession *session, size_t *out);
    OrtStatus *_Nullable (*_Nonnull SessionGetOverridableInitializerCount)(
        const OrtSession *session, size_t *out);
    OrtStatus *_Nullable (*_Nonnull SessionGetInputTypeInfo)(const OrtSession *session,
        size_t index, OrtTypeInfo *_Nullable *_Nonnull type_info);
    OrtStatus *_Nullable (*_Nonnull SessionGetOutputTypeInfo)(const OrtSession *session,
        size_t index, OrtTypeInfo *_Nullable *_Nonnull type_info);
    OrtStatus *_Nullable (*_Nonnull SessionGetOverridableInitializerTypeInfo)(
        const OrtSession *session, size_t index, OrtTypeInfo *_Nullable *_Nonnull type_info);
    OrtStatus *_Nullable (*_Nonnull SessionGetInputName)(const OrtSession *session, size_t index,
        OrtAllocator *allocator, char *_Nullable *_Nonnull value);
    OrtStatus *_Nullable (*_Nonnull SessionGetOutputName)(const OrtSession *session, size_t index,
        OrtAllocator *allocator, char *_Nullable *_Nonnull value);
    OrtStatus *_Nullable (*_Nonnull SessionGetOverridableInitializerName)(
        const OrtSession *session, size_t index, OrtAllocator *allocator,
        char *_Nullable *_Nonnull value);
    OrtStatus *_Nullable (*_Nonnull CreateRunOptions)(OrtRunOptions *_Nullable *_Nonnull out);
    void *_Nullable reserved_40_45[6];
    OrtStatus *_Nullable (*_Nonnull RunOptionsSetTerminate)(OrtRunOptions *options);
    void *_Nullable reserved_47;
    OrtStatus *_Nullable (*_Nonnull CreateTensorAsOrtValue)(OrtAllocator *allocator,
        const int64_t *shape, size_t shape_len, OrtElementType type,
        OrtValue *_Nullable *_Nonnull out);
    OrtStatus *_Nullable (*_Nonnull CreateTensorWithDataAsOrtValue)(const OrtMemoryInfo *info,
        void *p_data, size_t p_data_len, const int64_t *shape, size_t shape_len,
        OrtElementType type, OrtValue *_Nullable *_Nonnull out);
    void *_Nullable reserved_50;
    OrtStatus *_Nullable (*_Nonnull GetTensorMutableData)(OrtValue *value,
        void *_Nullable *_Nonnull out);
    void *_Nullable reserved_52;
    OrtStatus *_Nullable (*_Nonnull GetStringTensorDataLength)(const OrtValue *value, size_t *len);
    OrtStatus *_Nullable (*_Nonnull GetStringTensorContent)(const OrtValue *value, void *s,
        size_t s_len, size_t *offsets, size_t offsets_len);
    OrtStatus *_Nullable (*_Nonnull CastTypeInfoToTensorInfo)(const OrtTypeInfo *type_info,
        const OrtTensorTypeAndShapeInfo *_Nullable *_Nonnull out);
    OrtStatus *_Nullable (*_Nonnull GetOnnxTypeFromTypeInfo)(const OrtTypeInfo *type_info,
        OrtValueKind *out);
    void *_Nullable reserved_57_59[3];
    OrtStatus *_Nullable (*_Nonnull GetTensorElementType)(const OrtTensorTypeAndShapeInfo *info,
        OrtElementType *out);
    OrtStatus *_Nullable (*_Nonnull GetDimensionsCount)(const OrtTensorTypeAndShapeInfo *info,
        size_t *out);
    OrtStatus *_Nullable (*_Nonnull GetDimensions)(const OrtTensorTypeAndShapeInfo *info,
        int64_t *dim_values, size_t dim_values_length);
    void *_Nullable reserved_63_64[2];
    OrtStatus *_Nullable (*_Nonnull GetTensorTypeAndShape)(const OrtValue *value,
        OrtTensorTypeAndShapeInfo *_Nullable *_Nonnull out);
    void *_Nullable reserved_66_68[3];
    OrtStatus *_Nullable (*_Nonnull CreateCpuMemoryInfo)(OrtAllocatorType type, OrtMemType mem_type,
        OrtMemoryInfo *_Nullable *_Nonnull out);
    void *_Nullable reserved_70_75[6];
    OrtStatus *_Nullable (*_Nonnull AllocatorFree)(OrtAllocator *ort_allocator, void *p);
    void *_Nullable reserved_77;
    OrtStatus *_Nullable (*_Nonnull GetAllocatorWithDefaultOptions)(
        OrtAllocator *_Nullable *_Nonnull out);
    void *_Nullable reserved_79_92[14];
    void (*_Nonnull ReleaseStatus)(OrtStatus *input);
    void (*_Nonnull ReleaseMemoryInfo)(OrtMemoryInfo *input);
    void (*_Nonnull ReleaseSession)(OrtSession *input);
    void (*_Nonnull ReleaseValue)(OrtValue *input);
    void (*_Nonnull ReleaseRunOptions)(OrtRunOptions *input);
    void (*_Nonnull ReleaseTypeInfo)(OrtTypeInfo *input);
    void (*_Nonnull ReleaseTensorTypeAndShapeInfo)(OrtTensorTypeAndShapeInfo *input);
    void (*_Nonnull ReleaseSessionOptions)(OrtSessionOptions *input);
    void *_Nullable reserved_101_129[29];
    OrtStatus *_Nullable (*_Nonnull AddSessionConfigEntry)(OrtSessionOptions *options,
        const char *config_key, const char *config_value);
    void *_Nullable reserved_131_209[79];
    OrtStatus *_Nullable (*_Nonnull AddExternalInitializers)(OrtSessionOptions *options,
        const char *_Nullable const *_Nonnull names,
        const OrtValue *_Nullable const *_Nonnull initializers, size_t initializers_num);
    void *_Nullable reserved_211_251[41];
    OrtStatus *_Nullable (*_Nonnull GetResizedStringTensorElementBuffer)(OrtValue *value,
        size_t index, size_t length_in_bytes, char *_Nullable *_Nonnull buffer);
} OrtApi;

typedef struct OrtApiBase {
    const OrtApi *_Nullable (*_Nonnull GetApi)(uint32_t version);
    const char *_Nullable (*_Nonnull GetVersionString)(void);
} OrtApiBase;

// The library's one symbol.
#define ORT_ENTRY_SYMBOL "OrtGetApiBase"
typedef const OrtApiBase *_Nullable (*OrtGetApiBaseFunction)(void);

static inline const OrtApiBase *_Nullable ort_CallEntry(void *symbol) {
    return ((OrtGetApiBaseFunction)symbol)();
}

static inline const OrtApi *_Nullable ort_GetApi(const OrtApiBase *base, uint32_t version) {
    return base->GetApi(version);
}

static inline const char *_Nullable ort_GetVersionString(const OrtApiBase *base) {
    return base->GetVersionString();
}

// Not the runtime's, but the C library's, which Swift does not import: its header is in no module.
static inline void heaps_Configure(int most, int mapped_bytes, int kept_bytes) {
    mallopt(M_ARENA_MAX, most);
    mallopt(M_MMAP_THRESHOLD, mapped_bytes);
    mallopt(M_TRIM_THRESHOLD, kept_bytes);
}

static inline void heaps_GiveBack(void) { malloc_trim(0); }

// malloc_trim leaves the end of every heap but the first as it is; freeing a piece of 64 KiB or more
// trims the end of its thread's. Other threads' heaps may be trimmed meanwhile too.
static inline void heaps_TrimOwn(int trimmed_bytes, int kept_bytes) {
    mallopt(M_TRIM_THRESHOLD, trimmed_bytes);
    void *volatile piece = malloc(128 << 10);
    free(piece);
    mallopt(M_TRIM_THRESHOLD, kept_bytes);
}

// Shrinks the calling thread's heap. Pieces of this size are not mapped one by one, and are together
// more than a heap keeps of itself.
static inline void heaps_Shrink(int trimmed_bytes, int kept_bytes) {
    void *volatile pieces[8];
    mallopt(M_TRIM_THRESHOLD, trimmed_bytes);
    for (int i = 0; i < 8; i++) pieces[i] = malloc(96 << 10);
    for (int i = 0; i < 8; i++) free(pieces[i]);
    mallopt(M_TRIM_THRESHOLD, kept_bytes);
}

// Whether the C library can construct a locale of that name.
static inline bool locale_Exists(const char *_Nonnull name) {
    locale_t _Nullable locale = newlocale(LC_ALL_MASK, name, (locale_t)0);
    if (locale == (locale_t)0) return false;
    freelocale(locale);
    return true;
}

// Loads a locale for good, with the conversion of its characters, which is a library of its own for
// some. False if there is none of that name. btowc takes ASCII without a conversion.
static inline bool locale_Keep(const char *_Nonnull name) {
    locale_t _Nullable locale = newlocale(LC_ALL_MASK, name, (locale_t)0);
    if (locale == (locale_t)0) return false;
    locale_t previous = uselocale(locale);
    btowc(0xE9);
    uselocale(previous);
    return true;
}

// Names the calling thread; the system takes 15 bytes. Swift sees no function with variadic arguments.
static inline void thread_SetName(const char *_Nonnull name) { prctl(PR_SET_NAME, name); }

// The processors that the process may run on; 0 if the system does not say. The C library's own
// function is declared for _GNU_SOURCE alone, which a module's header cannot ask for.
static inline int processors_Count(void) {
    unsigned long mask[128] = {0};
    long bytes = syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
    int count = 0;
    for (long word = 0; word < bytes / (long)sizeof mask[0]; word++)
        count += __builtin_popcountl(mask[word]);
    return count;
}

// One function for each slot, so that Swift sees plain functions and not optional pointers.

static inline OrtErrorCode ort_GetErrorCode(const OrtApi *api, const OrtStatus *status) {
    return api->GetErrorCode(status);
}

static inline const char *_Nullable ort_GetErrorMessage(const OrtApi *api,
    const OrtStatus *status) {
    return api->GetErrorMessage(status);
}

static inline OrtStatus *_Nullable ort_CreateEnvWithCustomLogger(const OrtApi *api,
    OrtLoggingFunction logging_function, void *_Nullable logger_param,
    OrtLoggingLevel log_severity_level, const char *logid, OrtEnv *_Nullable *_Nonnull out) {
    return api->CreateEnvWithCustomLogger(logging_function, logger_param, log_severity_level, logid,
        out);
}

static inline OrtStatus *_Nullable ort_CreateSessionFromArray(const OrtApi *api, const OrtEnv *env,
    const void *model_data, size_t model_data_length, const OrtSessionOptions *options,
    OrtSession *_Nullable *_Nonnull out) {
    return api->CreateSessionFromArray(env, model_data, model_data_length, options, out);
}

static inline OrtStatus *_Nullable ort_Run(const OrtApi *api, OrtSession *session,
    const OrtRunOptions *_Nullable run_options, const char *_Nullable const *_Nonnull input_names,
    const OrtValue *_Nullable const *_Nonnull inputs, size_t input_len,
    const char *_Nullable const *_Nonnull output_names, size_t output_names_len,
    OrtValue *_Nullable *_Nonnull outputs) {
    return api->Run(session, run_options, input_names, inputs, input_len, output_names,
        output_names_len, outputs);
}

static inline OrtStatus *_Nullable ort_CreateSessionOptions(const OrtApi *api,
    OrtSessionOptions *_Nullable *_Nonnull options) {
    return api->CreateSessionOptions(options);
}

static inline OrtStatus *_Nullable ort_SetSessionExecutionMode(const OrtApi *api,
    OrtSessionOptions *options, ExecutionMode execution_mode) {
    return api->SetSessionExecutionMode(options, execution_mode);
}

static inline OrtStatus *_Nullable ort_DisableMemPattern(const OrtApi *api,
    OrtSessionOptions *options) {
    return api->DisableMemPattern(options);
}

static inline OrtStatus *_Nullable ort_DisableCpuMemArena(const OrtApi *api,
    OrtSessionOptions *options) {
    return api->DisableCpuMemArena(options);
}

static inline OrtStatus *_Nullable ort_SetSessionLogId(const OrtApi *api,
    OrtSessionOptions *options, const char *logid) {
    return api->SetSessionLogId(options, logid);
}

static inline OrtStatus *_Nullable ort_SetSessionLogSeverityLevel(const OrtApi *api,
    OrtSessionOptions *options, int session_log_severity_level) {
    return api->SetSessionLogSeverityLevel(options, session_log_severity_level);
}

static inline OrtStatus *_Nullable ort_SetSessionGraphOptimizationLevel(const OrtApi *api,
    OrtSessionOptions *options, GraphOptimizationLevel graph_optimization_level) {
    return api->SetSessionGraphOptimizationLevel(options, graph_optimization_level);
}

static inline OrtStatus *_Nullable ort_SetIntraOpNumThreads(const OrtApi *api,
    OrtSessionOptions *options, int intra_op_num_threads) {
    return api->SetIntraOpNumThreads(options, intra_op_num_threads);
}

static inline OrtStatus *_Nullable ort_SetInterOpNumThreads(const OrtApi *api,
    OrtSessionOptions *options, int inter_op_num_threads) {
    return api->SetInterOpNumThreads(options, inter_op_num_threads);
}

static inline OrtStatus *_Nullable ort_SessionGetInputCount(const OrtApi *api,
    const OrtSession *session, size_t *out) {
    return api->SessionGetInputCount(session, out);
}

static inline OrtStatus *_Nullable ort_SessionGetOutputCount(const OrtApi *api,
    const OrtSession *session, size_t *out) {
    return api->SessionGetOutputCount(session, out);
}

static inline OrtStatus *_Nullable ort_SessionGetInputTypeInfo(const OrtApi *api,
    const OrtSession *session, size_t index, OrtTypeInfo *_Nullable *_Nonnull type_info) {
    return api->SessionGetInputTypeInfo(session, index, type_info);
}

static inline OrtStatus *_Nullable ort_SessionGetOutputTypeInfo(const OrtApi *api,
    const OrtSession *session, size_t index, OrtTypeInfo *_Nullable *_Nonnull type_info) {
    return api->SessionGetOutputTypeInfo(session, index, type_info);
}

static inline OrtStatus *_Nullable ort_SessionGetInputName(const OrtApi *api,
    const OrtSession *session, size_t index, OrtAllocator *allocator,
    char *_Nullable *_Nonnull value) {
    return api->SessionGetInputName(session, index, allocator, value);
}

static inline OrtStatus *_Nullable ort_SessionGetOutputName(const OrtApi *api,
    const OrtSession *session, size_t index, OrtAllocator *allocator,
    char *_Nullable *_Nonnull value) {
    return api->SessionGetOutputName(session, index, allocator, value);
}

static inline OrtStatus *_Nullable ort_SessionGetOverridableInitializerCount(const OrtApi *api,
    const OrtSession *session, size_t *out) {
    return api->SessionGetOverridableInitializerCount(session, out);
}

static inline OrtStatus *_Nullable ort_SessionGetOverridableInitializerTypeInfo(
    const OrtApi *api, const OrtSession *session, size_t index,
    OrtTypeInfo *_Nullable *_Nonnull type_info) {
    return api->SessionGetOverridableInitializerTypeInfo(session, index, type_info);
}

static inline OrtStatus *_Nullable ort_SessionGetOverridableInitializerName(const OrtApi *api,
    const OrtSession *session, size_t index, OrtAllocator *allocator,
    char *_Nullable *_Nonnull value) {
    return api->SessionGetOverridableInitializerName(session, index, allocator, value);
}

static inline OrtStatus *_Nullable ort_CreateRunOptions(const OrtApi *api,
    OrtRunOptions *_Nullable *_Nonnull out) {
    return api->CreateRunOptions(out);
}

static inline OrtStatus *_Nullable ort_RunOptionsSetTerminate(const OrtApi *api,
    OrtRunOptions *options) {
    return api->RunOptionsSetTerminate(options);
}

static inline OrtStatus *_Nullable ort_CreateTensorAsOrtValue(const OrtApi *api,
    OrtAllocator *allocator, const int64_t *shape, size_t shape_len, OrtElementType type,
    OrtValue *_Nullable *_Nonnull out) {
    return api->CreateTensorAsOrtValue(allocator, shape, shape_len, type, out);
}

static inline OrtStatus *_Nullable ort_CreateTensorWithDataAsOrtValue(const OrtApi *api,
    const OrtMemoryInfo *info, void *p_data, size_t p_data_len, const int64_t *shape,
    size_t shape_len, OrtElementType type, OrtValue *_Nullable *_Nonnull out) {
    return api->CreateTensorWithDataAsOrtValue(info, p_data, p_data_len, shape, shape_len, type,
        out);
}

static inline OrtStatus *_Nullable ort_GetTensorMutableData(const OrtApi *api, OrtValue *value,
    void *_Nullable *_Nonnull out) {
    return api->GetTensorMutableData(value, out);
}

static inline OrtStatus *_Nullable ort_GetStringTensorDataLength(const OrtApi *api,
    const OrtValue *value, size_t *len) {
    return api->GetStringTensorDataLength(value, len);
}

static inline OrtStatus *_Nullable ort_GetStringTensorContent(const OrtApi *api,
    const OrtValue *value, void *s, size_t s_len, size_t *offsets, size_t offsets_len) {
    return api->GetStringTensorContent(value, s, s_len, offsets, offsets_len);
}

static inline OrtStatus *_Nullable ort_CastTypeInfoToTensorInfo(const OrtApi *api,
    const OrtTypeInfo *type_info, const OrtTensorTypeAndShapeInfo *_Nullable *_Nonnull out) {
    return api->CastTypeInfoToTensorInfo(type_info, out);
}

static inline OrtStatus *_Nullable ort_GetOnnxTypeFromTypeInfo(const OrtApi *api,
    const OrtTypeInfo *type_info, OrtValueKind *out) {
    return api->GetOnnxTypeFromTypeInfo(type_info, out);
}

static inline OrtStatus *_Nullable ort_GetTensorElementType(const OrtApi *api,
    const OrtTensorTypeAndShapeInfo *info, OrtElementType *out) {
    return api->GetTensorElementType(info, out);
}

static inline OrtStatus *_Nullable ort_GetDimensionsCount(const OrtApi *api,
    const OrtTensorTypeAndShapeInfo *info, size_t *out) {
    return api->GetDimensionsCount(info, out);
}

static inline OrtStatus *_Nullable ort_GetDimensions(const OrtApi *api,
    const OrtTensorTypeAndShapeInfo *info, int64_t *dim_values, size_t dim_values_length) {
    return api->GetDimensions(info, dim_values, dim_values_length);
}

static inline OrtStatus *_Nullable ort_GetTensorTypeAndShape(const OrtApi *api,
    const OrtValue *value, OrtTensorTypeAndShapeInfo *_Nullable *_Nonnull out) {
    return api->GetTensorTypeAndShape(value, out);
}

static inline OrtStatus *_Nullable ort_CreateCpuMemoryInfo(const OrtApi *api, OrtAllocatorType type,
    OrtMemType mem_type, OrtMemoryInfo *_Nullable *_Nonnull out) {
    return api->CreateCpuMemoryInfo(type, mem_type, out);
}

static inline OrtStatus *_Nullable ort_AllocatorFree(const OrtApi *api, OrtAllocator *ort_allocator,
    void *p) {
    return api->AllocatorFree(ort_allocator, p);
}

static inline OrtStatus *_Nullable ort_GetAllocatorWithDefaultOptions(const OrtApi *api,
    OrtAllocator *_Nullable *_Nonnull out) {
    return api->GetAllocatorWithDefaultOptions(out);
}

static inline void ort_ReleaseStatus(const OrtApi *api, OrtStatus *input) {
    api->ReleaseStatus(input);
}

static inline void ort_ReleaseMemoryInfo(const OrtApi *api, OrtMemoryInfo *input) {
    api->ReleaseMemoryInfo(input);
}

static inline void ort_ReleaseSession(const OrtApi *api, OrtSession *input) {
    api->ReleaseSession(input);
}

static inline void ort_ReleaseValue(const OrtApi *api, OrtValue *input) {
    api->ReleaseValue(input);
}

static inline void ort_ReleaseRunOptions(const OrtApi *api, OrtRunOptions *input) {
    api->ReleaseRunOptions(input);
}

static inline void ort_ReleaseTypeInfo(const OrtApi *api, OrtTypeInfo *input) {
    api->ReleaseTypeInfo(input);
}

static inline void ort_ReleaseTensorTypeAndShapeInfo(const OrtApi *api,
    OrtTensorTypeAndShapeInfo *input) {
    api->ReleaseTensorTypeAndShapeInfo(input);
}

static inline void ort_ReleaseSessionOptions(const OrtApi *api, OrtSessionOptions *input) {
    api->ReleaseSessionOptions(input);
}

static inline OrtStatus *_Nullable ort_AddSessionConfigEntry(const OrtApi *api,
    OrtSessionOptions *options, const char *config_key, const char *config_value) {
    return api->AddSessionConfigEntry(options, config_key, config_value);
}

static inline OrtStatus *_Nullable ort_AddExternalInitializers(const OrtApi *api,
    OrtSessionOptions *options, const char *_Nullable const *_Nonnull names,
    const OrtValue *_Nullable const *_Nonnull initializers, size_t initializers_num) {
    return api->AddExternalInitializers(options, names, initializers, initializers_num);
}

static inline OrtStatus *_Nullable ort_GetResizedStringTensorElementBuffer(const OrtApi *api,
    OrtValue *value, size_t index, size_t length_in_bytes, char *_Nullable *_Nonnull buffer) {
    return api->GetResizedStringTensorElementBuffer(value, index, length_in_bytes, buffer);
}

#pragma clang assume_nonnull end
