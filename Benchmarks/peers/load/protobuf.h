// As much of protobuf's encoding as a request and an envelope take.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

inline std::string varint(uint64_t value) {
    std::string bytes;
    for (; value >= 0x80; value >>= 7) bytes += char(value | 0x80);
    return bytes += char(value);
}

inline std::string bytes_field(int number, std::string_view value) {
    return varint(number << 3 | 2).append(varint(value.size())).append(value);
}

inline std::string varint_field(int number, uint64_t value) {
    return varint(number << 3).append(varint(value));
}

// Reads fields of a message in turn; `number` is 0 at the end and negative if the bytes are none.
struct FieldReader {
    explicit FieldReader(std::string_view message) : rest(message) {}

    std::string_view rest;
    int number = 0;
    uint64_t integer = 0;
    std::string_view bytes;

    bool next() {
        number = 0;
        if (rest.empty()) return false;
        uint64_t tag = 0;
        number = -1;
        if (!read(tag) || !read(integer)) return false;
        if ((tag & 7) == 2) {
            if (integer > rest.size()) return false;
            bytes = rest.substr(0, integer);
            rest.remove_prefix(integer);
        } else if ((tag & 7) != 0) {
            return false;
        }
        number = int(tag >> 3);
        return true;
    }

   private:
    bool read(uint64_t &value) {
        value = 0;
        for (int shift = 0; shift < 64 && !rest.empty(); shift += 7) {
            uint8_t byte = uint8_t(rest.front());
            rest.remove_prefix(1);
            value |= uint64_t(byte & 0x7f) << shift;
            if (byte < 0x80) return true;
        }
        return false;
    }
};

// A PredictRequest of one FP32 tensor.
inline std::string predict_request(std::string_view model, std::string_view input,
    const std::vector<int64_t> &shape) {
    size_t count = 1;
    std::string dimensions;
    for (int64_t size : shape) {
        count *= size_t(size);
        dimensions += varint(uint64_t(size));
    }
    std::vector<float> values(count);
    for (size_t i = 0; i < count; i++) values[i] = float(i % 17) / 8 - 1;
    const int fp32 = 11;
    std::string tensor = bytes_field(1, input) + varint_field(2, fp32) + bytes_field(3, dimensions)
        + bytes_field(15, {reinterpret_cast<const char *>(values.data()), count * sizeof(float)});
    return bytes_field(1, bytes_field(1, model)) + bytes_field(15, tensor);
}
