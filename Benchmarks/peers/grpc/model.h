// A model of one FP32 input [N, width] and one FP32 output [N, width], on ONNX Runtime.
#pragma once

#include <cstdint>
#include <string>

// The declarations are written for clang, which knows what may be null.
#define _Nonnull
#define _Nullable
#include "COnnxRuntime.h"

class Model {
   public:
    Model(const char *library, const char *file);

    const std::string &output_name() const { return output_name_; }
    int64_t output_width() const { return output_width_; }
    int64_t input_width() const { return input_width_; }

    // Runs the rows whose bytes `input` holds; from several threads at once if need be.
    void run(const std::string &input, int64_t rows, std::string &output) const;

   private:
    void check(OrtStatus *status) const;
    int64_t width(bool of_input) const;

    const OrtApi *api_;
    OrtSession *session_ = nullptr;
    OrtMemoryInfo *memory_ = nullptr;
    std::string input_name_, output_name_;
    int64_t input_width_ = 0, output_width_ = 0;
};
