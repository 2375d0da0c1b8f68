#include "model.h"

#include <dlfcn.h>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <vector>

Model::Model(const char *library, const char *file) {
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    void *entry = handle ? dlsym(handle, ORT_ENTRY_SYMBOL) : nullptr;
    if (!entry) throw std::runtime_error(dlerror());
    api_ = ort_GetApi(ort_CallEntry(entry), ORT_API_VERSION_USED);

    auto quiet = [](void *, OrtLoggingLevel, const char *, const char *, const char *,
                     const char *) {};
    OrtEnv *environment = nullptr;
    check(api_->CreateEnvWithCustomLogger(quiet, nullptr, ORT_LOG_FATAL, "peer", &environment));
    OrtSessionOptions *options = nullptr;
    check(api_->CreateSessionOptions(&options));
    check(api_->SetIntraOpNumThreads(options, 1));
    check(api_->SetSessionGraphOptimizationLevel(options, ORT_OPTIMIZE_ALL));
    std::ifstream stream(file, std::ios::binary);
    std::vector<char> bytes(std::istreambuf_iterator<char>(stream), {});
    check(api_->CreateSessionFromArray(environment, bytes.data(), bytes.size(), options,
        &session_));
    api_->ReleaseSessionOptions(options);
    check(api_->CreateCpuMemoryInfo(ORT_ALLOCATOR_DEVICE, ORT_MEMORY_DEFAULT, &memory_));

    OrtAllocator *allocator = nullptr;
    check(api_->GetAllocatorWithDefaultOptions(&allocator));
    char *name = nullptr;  // the names live as long as the process
    check(api_->SessionGetInputName(session_, 0, allocator, &name));
    input_name_ = name;
    check(api_->SessionGetOutputName(session_, 0, allocator, &name));
    output_name_ = name;
    input_width_ = width(true);
    output_width_ = width(false);
}

int64_t Model::width(bool of_input) const {
    OrtTypeInfo *type = nullptr;
    check(of_input ? api_->SessionGetInputTypeInfo(session_, 0, &type)
                   : api_->SessionGetOutputTypeInfo(session_, 0, &type));
    const OrtTensorTypeAndShapeInfo *info = nullptr;
    check(api_->CastTypeInfoToTensorInfo(type, &info));
    int64_t sizes[2] = {};
    check(api_->GetDimensions(info, sizes, 2));
    api_->ReleaseTypeInfo(type);
    return sizes[1];
}

void Model::run(const std::string &input, int64_t rows, std::string &output) const {
    if (input.size() != size_t(rows * input_width_) * sizeof(float))
        throw std::invalid_argument("the bytes are not those of the shape");
    output.resize(size_t(rows * output_width_) * sizeof(float));
    const int64_t in_shape[] = {rows, input_width_}, out_shape[] = {rows, output_width_};
    OrtValue *in = nullptr, *out = nullptr;
    check(api_->CreateTensorWithDataAsOrtValue(memory_, const_cast<char *>(input.data()),
        input.size(), in_shape, 2, ORT_ELEMENT_FLOAT, &in));
    check(api_->CreateTensorWithDataAsOrtValue(memory_, output.data(), output.size(), out_shape, 2,
        ORT_ELEMENT_FLOAT, &out));
    const char *in_name = input_name_.c_str(), *out_name = output_name_.c_str();
    OrtStatus *status = api_->Run(session_, nullptr, &in_name, &in, 1, &out_name, 1, &out);
    api_->ReleaseValue(in);
    api_->ReleaseValue(out);
    check(status);
}

void Model::check(OrtStatus *status) const {
    if (!status) return;
    std::string text = api_->GetErrorMessage(status);
    api_->ReleaseStatus(status);
    throw std::runtime_error(text);
}
