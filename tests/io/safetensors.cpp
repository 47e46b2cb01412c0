#include <genoform/io/safetensors.hpp>

#include <rapidcheck.h>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "tests/catch.hpp"
#include "tests/io/temporary_folder.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

std::string with_length(const std::string& json, const std::string& data = "") {
  const std::uint64_t length = json.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + json + data;
}

/// The error of a file of these bytes, without the file's name; empty when it is read.
std::string error_of(const std::string& bytes) {
  const auto header = safetensors::parse_header(std::as_bytes(std::span(bytes)), "FILE");
  if (header) return {};
  CHECK(header.error().error_kind == ErrorKind::input);
  CHECK(is_one_line(header.error().message));
  REQUIRE(header.error().message.starts_with("FILE: "));
  return header.error().message.substr(6);
}
std::string error_of_json(const std::string& json, std::size_t data = 0) {
  return error_of(with_length(json, std::string(data, '\0')));
}

const std::vector<float> floats{1.0F, -2.5F, 0.0F, 3e38F, 1e-40F, -0.0F};

}  // namespace

TEST_CASE("a safetensors file has the bytes of the format") {
  const TemporaryFolder folder;
  const std::string file = folder / "golden.safetensors";
  const std::vector<std::int32_t> integers{7, -1};
  const std::vector<float> one{1.0F};
  const std::vector<std::uint16_t> half{0x3FC0};
  const std::vector<double> wide{-2.0};
  const std::vector<TensorData> tensors{tensor_data("b", {1}, std::span(one)), tensor_data("h", {}, std::span(half)),
                                        tensor_data("a", {2, 1}, std::span(integers)), tensor_data("w", {1}, std::span(wide))};
  REQUIRE(write_safetensors(file, tensors, {{"z", "1"}, {"k", "\"v\""}}));
  const std::string json =
      R"({"__metadata__":{"k":"\"v\"","z":"1"},"w":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},)"
      R"("a":{"dtype":"I32","shape":[2,1],"data_offsets":[8,16]},"b":{"dtype":"F32","shape":[1],"data_offsets":[16,20]},)"
      R"("h":{"dtype":"BF16","shape":[],"data_offsets":[20,22]}})";
  const std::string data(
      "\x00\x00\x00\x00\x00\x00\x00\xC0"
      "\x07\x00\x00\x00\xFF\xFF\xFF\xFF"
      "\x00\x00\x80\x3F"
      "\xC0\x3F",
      22);
  const std::string padded = json + std::string((8 - json.size() % 8) % 8, ' ');
  CHECK(read_bytes(file) == with_length(padded, data));

  // Unpadded, in another order of keys and with white space, it means the same.
  write_bytes(file, with_length(json, data));
  const auto read = read_safetensors(file);
  REQUIRE(read);
  CHECK(read->as_i32("a").value() == integers);
  CHECK(read->as_f32("b").value() == one);
  CHECK(read->as_f32("h").value() == std::vector{1.5F});
  CHECK(read->as_f64("h").value() == std::vector{1.5});
  CHECK(read->as_f64("b").value() == std::vector{1.0});
  CHECK(read->as_f64("w").value() == wide);
  CHECK(read->metadata().at("k") == "\"v\"");
  CHECK(read->tensors().size() == 4);
  CHECK(read->find("a")->shape == std::vector<std::int64_t>{2, 1});
  CHECK(read->as_f32("w").error().message == file + ": tensor \"w\": found F64; allowed is F32 or BF16");
  CHECK(read->as_i32("b").error().message == file + ": tensor \"b\": found F32; allowed is I32");
  CHECK(read->as_f64("a").error().message == file + ": tensor \"a\": found I32; allowed is F64, F32 or BF16");
  CHECK(read->as_f32("x").error().message == file + ": no tensor \"x\"");
}

TEST_CASE("BF16 is rounded to nearest, ties to even, and back without loss") {
  CHECK(bf16_of_f32(1.0F) == 0x3F80);
  CHECK(bf16_of_f32(std::bit_cast<float>(0x3F808000U)) == 0x3F80);
  CHECK(bf16_of_f32(std::bit_cast<float>(0x3F818000U)) == 0x3F82);
  CHECK(bf16_of_f32(std::bit_cast<float>(0x3F808001U)) == 0x3F81);
  CHECK(bf16_of_f32(std::numeric_limits<float>::max()) == 0x7F80);
  CHECK(std::isnan(f32_of_bf16(bf16_of_f32(std::bit_cast<float>(0x7F800001U)))));
  for (std::uint32_t bits = 0; bits <= 0xFFFF; ++bits) {
    const float number = f32_of_bf16(static_cast<std::uint16_t>(bits));
    if (!std::isnan(number)) REQUIRE(bf16_of_f32(number) == bits);
  }
}

TEST_CASE("every dtype of the format is known by name and size") {
  for (std::size_t i = 0; i < dtype::rows.size(); ++i) {
    CHECK(static_cast<std::size_t>(dtype::rows[i].type) == i);
    CHECK(dtype_named(dtype::rows[i].name) == dtype::rows[i].type);
  }
  CHECK_FALSE(dtype_named("f32"));
  CHECK(error_of_json(R"({"x":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}})", 1).empty());
  CHECK(error_of_json(R"({"x":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}})", 1) ==
        "tensor \"x\": its shape is too large, or its last byte is not full");
  CHECK(error_of_json(R"({"x":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[0,3]}})", 3).empty());
}

TEST_CASE("empty files, tensors and shapes are legal") {
  CHECK(error_of_json("{}").empty());
  CHECK(error_of_json("{}   ").empty());
  CHECK(error_of_json(R"({"__metadata__":{}})").empty());
  CHECK(error_of_json(
            R"({"a":{"dtype":"F32","shape":[0,5],"data_offsets":[4,4]},"b":{"dtype":"F32","shape":[],"data_offsets":[0,4]}})", 4)
            .empty());
  CHECK(error_of_json(R"({"":{"shape":[1],"data_offsets":[0,1],"dtype":"U8"}})", 1).empty());
}

TEST_CASE("the start of a file is checked before its JSON") {
  CHECK(error_of("") == "a safetensors file has at least 8 bytes, this one 0");
  CHECK(error_of("1234567") == "a safetensors file has at least 8 bytes, this one 7");
  CHECK(error_of(std::string("\x01\xE1\xF5\x05\x00\x00\x00\x00{}", 10)) ==
        "byte 0: a header of 100000001 bytes; allowed are 100000000");
  CHECK(error_of(std::string(8, '\xFF') + "{}") == "byte 0: a header of 18446744073709551615 bytes; allowed are 100000000");
  CHECK(error_of(std::string("\x03\0\0\0\0\0\0\0{}", 10)) == "byte 0: a header of 3 bytes in a file of 10");
  CHECK(error_of_json("") == "byte 8: the header must start with '{'");
  CHECK(error_of_json(" {}") == "byte 8: the header must start with '{'");
  CHECK(error_of_json("\xEF\xBB\xBF{}") == "byte 8: the header must start with '{'");
  CHECK(error_of_json("{\"\xFF\":1}") == "byte 10: not UTF-8");
  CHECK(error_of_json(std::string("{}\0x", 4)) == "byte 10: a zero byte in the header");
}

TEST_CASE("a header that is not JSON is refused with the byte") {
  CHECK(error_of_json("{\"a\":}") == "byte 13: the header is not JSON, near \"\\\"a\\\":}\"");
  for (const char* const json :
       {"{", "{}x", "{}{}", "{\"a\"}", "{,}", "{\"a\":{},}", "{\"a\":nan}", "{\"a\\ud800\":{}}", "{/**/}", "{\"a\":1e999}"})
    CHECK(error_of_json(json) != "");
  CHECK(error_of_json("{\"a\":" + std::string(100'000, '[')) != "");
  CHECK(error_of_json(std::string(100'000, '{')) != "");
}

TEST_CASE("doubled keys are refused by name") {
  const std::string a = R"("a":{"dtype":"U8","shape":[],"data_offsets":[0,1]})";
  CHECK(error_of_json("{" + a + "," + a + "}", 1) == "tensor \"a\" stands twice");
  CHECK(error_of_json(R"({"\u0061":{"dtype":"U8","shape":[0],"data_offsets":[1,1]},)" + a + "}", 1) ==
        "tensor \"a\" stands twice");
  CHECK(error_of_json(R"({"a":{"dtype":"U8","dtype":"U8","shape":[],"data_offsets":[0,1]}})", 1) ==
        "tensor \"a\": key \"dtype\" stands twice");
  CHECK(error_of_json(R"({"a":{"dtype":"U8","shape":[],"shape":[],"data_offsets":[0,1]}})", 1) ==
        "tensor \"a\": key \"shape\" stands twice");
  CHECK(error_of_json(R"({"__metadata__":{},"__metadata__":{}})") == "key \"__metadata__\" stands twice");
  CHECK(error_of_json(R"({"__metadata__":{"k":"1","k":"1"}})") == "metadata key \"k\" stands twice");
}

TEST_CASE("an entry of the wrong form is refused by name") {
  const auto entry = [](const std::string& fields) { return error_of_json("{\"a\":" + fields + "}", 1); };
  CHECK(entry("1") == "tensor \"a\": found a number; allowed is an object");
  CHECK(entry("null") == "tensor \"a\": found null; allowed is an object");
  CHECK(entry("[]") == "tensor \"a\": found an array; allowed is an object");
  CHECK(entry("{}") == "tensor \"a\": lacks \"dtype\"");
  CHECK(entry(R"({"dtype":"U8","shape":[]})") == "tensor \"a\": lacks \"data_offsets\"");
  CHECK(entry(R"({"dtype":"U8","data_offsets":[0,1]})") == "tensor \"a\": lacks \"shape\"");
  CHECK(entry(R"({"dtype":"U9","shape":[],"data_offsets":[0,1]})") == "tensor \"a\": unknown dtype \"U9\"");
  CHECK(entry(R"({"dtype":8,"shape":[],"data_offsets":[0,1]})") ==
        "tensor \"a\": found a number; allowed is a string as \"dtype\"");
  CHECK(entry(R"({"dtype":["U8"],"shape":[],"data_offsets":[0,1]})") ==
        "tensor \"a\": found an array; allowed is a string as \"dtype\"");
  CHECK(entry(R"({"dtype":"U8","shape":1,"data_offsets":[0,1]})") ==
        "tensor \"a\": found a number; allowed is an array of integers");
  CHECK(entry(R"({"dtype":"U8","shape":[-1],"data_offsets":[0,1]})") ==
        "tensor \"a\": found -1; allowed is an integer of at least 0");
  CHECK(entry(R"({"dtype":"U8","shape":[1.0],"data_offsets":[0,1]})") ==
        "tensor \"a\": found 1.0; allowed is an integer of at least 0");
  CHECK(entry(R"({"dtype":"U8","shape":[[1]],"data_offsets":[0,1]})") ==
        "tensor \"a\": found an array; allowed is an integer of at least 0");
  CHECK(entry(R"({"dtype":"U8","shape":["1"],"data_offsets":[0,1]})") ==
        "tensor \"a\": found a string; allowed is an integer of at least 0");
  CHECK(entry(R"({"dtype":"U8","shape":[],"data_offsets":[0]})") == "tensor \"a\": \"data_offsets\" must be two numbers");
  CHECK(entry(R"({"dtype":"U8","shape":[],"data_offsets":[0,1,2]})") == "tensor \"a\": \"data_offsets\" must be two numbers");
  CHECK(entry(R"({"dtype":"U8","shape":[],"data_offsets":[0,1],"more":1})") ==
        "tensor \"a\": unknown key \"more\"; allowed are \"dtype\", \"shape\", \"data_offsets\"");
  CHECK(error_of_json(R"({"__metadata__":{"k":1}})") == "metadata key \"k\": found a number; allowed is a string");
  CHECK(error_of_json(R"({"__metadata__":{"k":{}}})") == "metadata key \"k\": found an object; allowed is a string");
  CHECK(error_of_json(R"({"__metadata__":null})") == "key \"__metadata__\": found null; allowed is an object");
  CHECK(error_of_json("{\"a\\n\":1}") == "tensor \"a\\x0a\": found a number; allowed is an object");
}

TEST_CASE("tensors fill the data exactly") {
  const auto two = [](const std::string& first, const std::string& second, std::size_t data) {
    return error_of_json(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":)" + first +
                             R"(},"b":{"dtype":"U8","shape":[2],"data_offsets":)" + second + "}}",
                         data);
  };
  CHECK(two("[0,2]", "[2,4]", 4).empty());
  CHECK(two("[2,4]", "[0,2]", 4).empty());
  CHECK(two("[1,3]", "[3,5]", 5) == "tensor \"a\": begins at byte 1 of the data, but the tensor before ends at 0 (hole)");
  CHECK(two("[0,2]", "[3,5]", 5) == "tensor \"b\": begins at byte 3 of the data, but the tensor before ends at 2 (hole)");
  CHECK(two("[0,2]", "[1,3]", 3) == "tensor \"b\": begins at byte 1 of the data, but the tensor before ends at 2 (overlap)");
  CHECK(two("[0,2]", "[0,2]", 2) == "tensor \"b\": begins at byte 0 of the data, but the tensor before ends at 2 (overlap)");
  CHECK(two("[0,2]", "[2,1]", 4) == "tensor \"b\": ends at byte 1 of the data, before its begin 2");
  CHECK(two("[0,2]", "[2,5]", 5) == "tensor \"b\": U8 [2] needs 2 bytes, the file gives it 3");
  CHECK(two("[0,2]", "[2,4]", 5) == "the tensors need 4 bytes of data, the file has 5");
  CHECK(two("[0,2]", "[2,4]", 3) == "the tensors need 4 bytes of data, the file has 3");
}

TEST_CASE("shapes that overflow are refused") {
  const auto shape = [](const std::string& text, const std::string& end = "0") {
    return error_of_json(R"({"a":{"dtype":"F32","shape":)" + text + R"(,"data_offsets":[0,)" + end + "]}}");
  };
  const std::string too_large = "tensor \"a\": its shape is too large, or its last byte is not full";
  CHECK(shape("[4294967296,4294967296]") == too_large);
  CHECK(shape("[4294967296,4294967296,0]") == too_large);
  CHECK(shape("[2305843009213693952]") == too_large);
  CHECK(shape("[9223372036854775807,3]") == too_large);
  CHECK(shape("[9223372036854775808]") == "tensor \"a\": \"shape\" holds 9223372036854775808, which is too large");
  CHECK(shape("[99999999999999999999]") == "tensor \"a\": found 99999999999999999999; allowed is an integer of at least 0");
  CHECK(shape("[1]", "18446744073709551615") == "tensor \"a\": F32 [1] needs 4 bytes, the file gives it 18446744073709551615");
  CHECK(shape("[144115188075855871]", "576460752303423484") ==
        "the tensors need 576460752303423484 bytes of data, the file has 0");
}

TEST_CASE("a safetensors file that is cut or longer is refused at every length") {
  const std::string json =
      R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}})";
  const std::string whole = with_length(json, "0123456789A");
  REQUIRE(error_of(whole).empty());
  for (std::size_t length = 0; length < whole.size(); ++length) REQUIRE_FALSE(error_of(whole.substr(0, length)).empty());
  REQUIRE_FALSE(error_of(whole + "x").empty());
}

TEST_CASE("whatever one byte of a header becomes, the tensors that are read lie in the file") {
  const std::string json =
      R"({"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b\u00e9":{"dtype":"BF16","shape":[2,1],"data_offsets":[8,12]}})";
  const std::string whole = with_length(json, std::string(12, 'd'));
  for (std::size_t place = 0; place < 8 + json.size(); ++place)
    for (int value = 0; value < 256; ++value) {
      std::string damaged = whole;
      damaged[place] = static_cast<char>(value);
      const auto header = safetensors::parse_header(std::as_bytes(std::span(damaged)), "FILE");
      if (!header) {
        REQUIRE(is_one_line(header.error().message));
        continue;
      }
      std::uint64_t end = 0;
      for (const StoredTensor& tensor : header->tensors) {
        REQUIRE(tensor.begin == end);
        REQUIRE(safetensors::byte_count(tensor.dtype, tensor.shape) == tensor.end - tensor.begin);
        end = tensor.end;
      }
      REQUIRE(header->data_begin + end == damaged.size());
    }
}

TEST_CASE("a safetensors file is refused before it is written when it would be wrong") {
  const TemporaryFolder folder;
  const std::string file = folder / "a.safetensors";
  const auto error = [&](const std::vector<TensorData>& tensors, const Metadata& metadata = {}) {
    const auto written = write_safetensors(file, tensors, metadata);
    REQUIRE_FALSE(written);
    CHECK(written.error().error_kind == ErrorKind::usage);
    return written.error().message.substr(file.size());
  };
  const TensorData a = tensor_data("a", {6}, std::span(floats));
  CHECK(error({a, a}) == ": tensor \"a\": the name is taken");
  CHECK(error({tensor_data("__metadata__", {6}, std::span(floats))}) == ": tensor \"__metadata__\": the name is taken");
  CHECK(error({tensor_data("a", {2, 2}, std::span(floats))}) == ": tensor \"a\": [2, 2] does not fit its 24 bytes");
  CHECK(error({tensor_data("a", {-6}, std::span(floats))}) == ": tensor \"a\": [-6] does not fit its 24 bytes");
  CHECK(error({tensor_data("\xFF", {6}, std::span(floats))}) == ": tensor \"\\xff\": its name is not UTF-8");
  CHECK(error({a}, {{"k", "\xC3"}}) == ": metadata key \"k\": not UTF-8");
  CHECK(folder.files() == 0);
}

TEST_CASE("what is written as safetensors is read back with the same bits, in any order of tensors") {
  const TemporaryFolder folder;
  CHECK(rc::check("safetensors round trip", [&folder] {
    const auto names =
        *rc::gen::unique<std::vector<std::string>>(rc::gen::container<std::string>(rc::gen::inRange<char>(1, 127)));
    std::vector<TensorData> tensors;
    std::vector<std::vector<std::byte>> contents;
    contents.reserve(names.size());
    for (const std::string& name : names) {
      const auto dtype = *rc::gen::element(Dtype::F32, Dtype::BF16, Dtype::F64, Dtype::I32, Dtype::BOOL);
      auto shape = *rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange<std::int64_t>(0, 4));
      shape.resize(std::min<std::size_t>(shape.size(), 4));
      auto& bytes = contents.emplace_back(static_cast<std::size_t>(*safetensors::byte_count(dtype, shape)));
      for (std::byte& byte : bytes) byte = static_cast<std::byte>(*rc::gen::arbitrary<std::uint8_t>());
      tensors.push_back({name, dtype, shape, bytes});
    }
    const auto metadata =
        *rc::gen::container<std::map<std::string, std::string>>(rc::gen::container<std::string>(rc::gen::inRange<char>(1, 127)),
                                                                rc::gen::container<std::string>(rc::gen::inRange<char>(1, 127)));
    const Metadata given(metadata.begin(), metadata.end());
    const std::string file = folder / "a.safetensors", again = folder / "b.safetensors";
    RC_ASSERT(write_safetensors(file, tensors, given).ok());
    const auto read = read_safetensors(file);
    RC_ASSERT(read.ok());
    RC_ASSERT(read->metadata() == given);
    RC_ASSERT(read->tensors().size() == tensors.size());
    for (const TensorData& tensor : tensors) {
      const StoredTensor* const found = read->find(tensor.name);
      RC_ASSERT(found != nullptr);
      RC_ASSERT(found->dtype == tensor.dtype);
      RC_ASSERT(found->shape == tensor.shape);
      RC_ASSERT(std::ranges::equal(read->bytes(*found), tensor.bytes));
    }
    std::ranges::reverse(tensors);
    RC_ASSERT(write_safetensors(again, tensors, given).ok());
    RC_ASSERT(read_bytes(file) == read_bytes(again));
  }));
}
