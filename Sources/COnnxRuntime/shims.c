#include "COnnxRuntime.h"

// A slot that moved would call another function with these arguments: better not to compile.
#define SLOT(name, slot)                                                              \
    _Static_assert(offsetof(OrtApi, name) == (slot) * sizeof(void (*)(void)),         \
        "OrtApi." #name " is not at its slot")

SLOT(GetErrorCode, 1);
SLOT(GetErrorMessage, 2);
SLOT(CreateEnvWithCustomLogger, 4);
SLOT(CreateSessionFromArray, 8);
SLOT(Run, 9);
SLOT(CreateSessionOptions, 10);
SLOT(SetSessionExecutionMode, 13);
SLOT(DisableMemPattern, 17);
SLOT(DisableCpuMemArena, 19);
SLOT(SetSessionLogId, 20);
SLOT(SetSessionLogSeverityLevel, 22);
SLOT(SetSessionGraphOptimizationLevel, 23);
SLOT(SetIntraOpNumThreads, 24);
SLOT(SetInterOpNumThreads, 25);
SLOT(SessionGetInputCount, 30);
SLOT(SessionGetOutputCount, 31);
SLOT(SessionGetOverridableInitializerCount, 32);
SLOT(SessionGetInputTypeInfo, 33);
SLOT(SessionGetOutputTypeInfo, 34);
SLOT(SessionGetOverridableInitializerTypeInfo, 35);
SLOT(SessionGetInputName, 36);
SLOT(SessionGetOutputName, 37);
SLOT(SessionGetOverridableInitializerName, 38);
SLOT(CreateRunOptions, 39);
SLOT(RunOptionsSetTerminate, 46);
SLOT(CreateTensorAsOrtValue, 48);
SLOT(CreateTensorWithDataAsOrtValue, 49);
SLOT(GetTensorMutableData, 51);
SLOT(GetStringTensorDataLength, 53);
SLOT(GetStringTensorContent, 54);
SLOT(CastTypeInfoToTensorInfo, 55);
SLOT(GetOnnxTypeFromTypeInfo, 56);
SLOT(GetTensorElementType, 60);
SLOT(GetDimensionsCount, 61);
SLOT(GetDimensions, 62);
SLOT(GetTensorTypeAndShape, 65);
SLOT(CreateCpuMemoryInfo, 69);
SLOT(AllocatorFree, 76);
SLOT(GetAllocatorWithDefaultOptions, 78);
SLOT(ReleaseStatus, 93);
SLOT(ReleaseMemoryInfo, 94);
SLOT(ReleaseSession, 95);
SLOT(ReleaseValue, 96);
SLOT(ReleaseRunOptions, 97);
SLOT(ReleaseTypeInfo, 98);
SLOT(ReleaseTensorTypeAndShapeInfo, 99);
SLOT(ReleaseSessionOptions, 100);
SLOT(AddSessionConfigEntry, 130);
SLOT(AddExternalInitializers, 210);
SLOT(GetResizedStringTensorElementBuffer, 252);
