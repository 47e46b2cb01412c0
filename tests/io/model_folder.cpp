#include <genoform/io/model_folder.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "tests/catch.hpp"
#include "tests/io/temporary_folder.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

/// Tensors of all the sorts that a model has.
struct Sample {
  std::vector<float> embedding = std::vector<float>(6), router = std::vector<float>(4), bias = std::vector<float>(2),
                     threshold = std::vector<float>(2, 0.5F);
  std::vector<std::int32_t> table = std::vector<std::int32_t>(3);

  static Sample numbered() {
    Sample sample;
    std::iota(sample.embedding.begin(), sample.embedding.end(), 1.0F);
    std::iota(sample.router.begin(), sample.router.end(), -0.25F);
    std::iota(sample.bias.begin(), sample.bias.end(), 7.0F);
    std::iota(sample.table.begin(), sample.table.end(), 3);
    return sample;
  }
  std::vector<NamedTensor> tensors() {
    return {{.name = "embedding.weight", .shape = {2, 3}, .values = embedding},
            {.name = "moe.router.weight", .shape = {2, 2}, .values = router, .must_be_f32 = true},
            {.name = "moe.bias", .shape = {2}, .values = bias, .state = true},
            {.name = "moe.threshold", .shape = {2}, .values = threshold, .state = true, .optional = true},
            {.name = "moe.table", .shape = {3}, .values = {}, .state = true, .integers = table}};
  }
  friend bool operator==(const Sample&, const Sample&) = default;
};

/// The same tensors as data of a file, to be changed by a test.
std::vector<TensorData> as_data(Sample& sample) {
  std::vector<TensorData> data;
  for (const NamedTensor& tensor : sample.tensors())
    data.push_back(tensor.integers.empty()
                       ? tensor_data(tensor.name, tensor.shape, std::span<const float>(tensor.values))
                       : tensor_data(tensor.name, tensor.shape, std::span<const std::int32_t>(tensor.integers)));
  return data;
}

Result<LoadReport> load_into(const std::string& path, Sample& sample) {
  const auto folder = load_folder(path);
  if (!folder) return folder.error();
  return fill(*folder, sample.tensors());
}

/// Runs `save` in a process of its own that may only write small files.
template <class Save>
bool fails_for_lack_of_space(const Save& save) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{4096, 4096};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const Result<void> saved = save();
    ::_exit(!saved && saved.error().error_kind == ErrorKind::resources ? 0 : 1);
  }
  int status = -1;
  return ::waitpid(child, &status, 0) == child && status == 0;
}

}  // namespace

TEST_CASE("a model folder is written and read back with the same values and keys") {
  const TemporaryFolder root;
  const std::string path = root / "new/net";
  Sample saved = Sample::numbered();
  REQUIRE(save_folder(path, "M<1>", saved.tensors(), R"({"kind":"bytes"})"));
  auto folder = load_folder(path);
  REQUIRE(folder);
  CHECK(folder->config.model == "M<1>");
  CHECK(folder->config.tokenizer == R"({"kind":"bytes"})");
  Sample loaded;
  REQUIRE(fill(*folder, loaded.tensors()));
  CHECK(loaded == saved);

  // Saved again over a folder whose owner added a key and a file.
  folder->config.further = R"({"note":"mine"})";
  REQUIRE(write_config(path + "/config.json", folder->config));
  write_bytes(path + "/log.jsonl", "{}");
  REQUIRE(save_folder(path, "M<2>", saved.tensors()));
  folder = load_folder(path);
  REQUIRE(folder);
  CHECK(folder->config.model == "M<2>");
  CHECK(folder->config.further == R"({"note":"mine"})");
  CHECK(read_bytes(path + "/log.jsonl") == "{}");
  CHECK(std::distance(std::filesystem::directory_iterator(path), std::filesystem::directory_iterator()) == 3);
}

TEST_CASE("equal models give equal files") {
  const TemporaryFolder root;
  Sample saved = Sample::numbered();
  REQUIRE(save_folder(root / "a", "M<1>", saved.tensors()));
  REQUIRE(save_folder(root / "b", "M<1>", saved.tensors()));
  for (const char* const name : {"/config.json", "/model.safetensors"})
    CHECK(read_bytes(root / "a" + name) == read_bytes(root / "b" + name));
}

TEST_CASE("trained tensors may be BF16") {
  const TemporaryFolder root;
  Sample saved = Sample::numbered();
  REQUIRE(save_folder(root / "a", "M", saved.tensors()));
  std::vector<std::uint16_t> rounded;
  for (const float value : saved.embedding) rounded.push_back(bf16_of_f32(value));
  auto data = as_data(saved);
  data[0] = tensor_data("embedding.weight", {2, 3}, std::span<const std::uint16_t>(rounded));
  REQUIRE(write_safetensors(root / "a/model.safetensors", data));
  Sample loaded;
  REQUIRE(load_into(root / "a", loaded));
  CHECK(loaded == saved);
}

TEST_CASE("a tensor that does not belong to the model is an error that names it, and nothing is changed") {
  const TemporaryFolder root;
  const std::string path = root / "a", file = path + "/model.safetensors";
  Sample saved = Sample::numbered();
  REQUIRE(save_folder(path, "M", saved.tensors()));
  const auto error = [&](const std::vector<TensorData>& data) {
    REQUIRE(write_safetensors(file, data));
    Sample loaded;
    const auto filled = load_into(path, loaded);
    CHECK(loaded == Sample{});
    if (filled) return std::string();
    CHECK(filled.error().error_kind == ErrorKind::input);
    CHECK(is_one_line(filled.error().message));
    REQUIRE(filled.error().message.starts_with(file + ": "));
    return filled.error().message.substr(file.size() + 2);
  };
  const std::vector<TensorData> data = as_data(saved);
  auto changed = data;
  changed.erase(changed.begin());
  CHECK(error(changed) == "tensor \"embedding.weight\": missing; the model needs [2, 3]");
  changed = data;
  changed.push_back(tensor_data("head.weight", {2}, std::span<const float>(saved.bias)));
  CHECK(error(changed) == "tensor \"head.weight\": the model has none of this name");
  changed = data;
  changed[0].shape = {3, 2};
  CHECK(error(changed) == "tensor \"embedding.weight\": found shape [3, 2]; the model needs [2, 3]");
  changed = data;
  changed[0].dtype = Dtype::I32;
  CHECK(error(changed) == "tensor \"embedding.weight\": found I32; allowed is F32 or BF16");
  const std::vector<std::uint16_t> halves(4, 0x3F80);
  changed = data;
  changed[1] = tensor_data("moe.router.weight", {2, 2}, std::span(halves));
  CHECK(error(changed) == "tensor \"moe.router.weight\": found BF16; allowed is F32");
  changed = data;
  changed[2] = tensor_data("moe.bias", {2}, std::span(halves).first(2));
  CHECK(error(changed) == "tensor \"moe.bias\": found BF16; allowed is F32");
  changed = data;
  changed[4].dtype = Dtype::F32;
  CHECK(error(changed) == "tensor \"moe.table\": found F32; allowed is I32");
  for (const auto& [value, name] : {std::pair{std::numeric_limits<float>::quiet_NaN(), "nan"},
                                    {std::numeric_limits<float>::infinity(), "inf"},
                                    {-std::numeric_limits<float>::infinity(), "-inf"}}) {
    Sample wrong = saved;
    wrong.router[3] = value;
    CHECK(error(as_data(wrong)) == std::string("tensor \"moe.router.weight\": element 3 is ") + name);
  }
}

TEST_CASE("an optional tensor may be missing and then keeps its values") {
  const TemporaryFolder root;
  Sample saved = Sample::numbered();
  REQUIRE(save_folder(root / "a", "M", saved.tensors()));
  auto data = as_data(saved);
  data.erase(data.begin() + 3);
  REQUIRE(write_safetensors(root / "a/model.safetensors", data));
  Sample loaded;
  loaded.threshold = {0.125F, 0.25F};
  REQUIRE(load_into(root / "a", loaded));
  CHECK(loaded.threshold == std::vector{0.125F, 0.25F});
  CHECK(load_folder(root / "a")->weights.find("moe.threshold") == nullptr);
}

TEST_CASE("a model folder damaged at any byte of its header is refused or read with the same values") {
  const TemporaryFolder root;
  const std::string file = root / "a/model.safetensors";
  Sample saved = Sample::numbered();
  REQUIRE(save_folder(root / "a", "M", saved.tensors()));
  const std::string whole = read_bytes(file);
  std::uint64_t header = 0;
  std::memcpy(&header, whole.data(), 8);
  const FileHandle handle(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  REQUIRE(handle.is_open());
  std::size_t refused = 0;
  for (std::size_t place = 0; place < 8 + header; ++place) {
    const auto old = static_cast<unsigned char>(whole[place]);
    for (const int value : {old ^ 1, old ^ 2, old ^ 4, old ^ 8, old ^ 16, old ^ 32, old ^ 64, old ^ 128, 0, 255, int{' '},
                            int{'"'}, int{'}'}, int{'0'}}) {
      const auto byte = static_cast<char>(value);
      REQUIRE(::pwrite(handle.get(), &byte, 1, static_cast<off_t>(place)) == 1);
      Sample loaded;
      const auto filled = load_into(root / "a", loaded);
      if (filled)
        REQUIRE(loaded == saved);
      else {
        ++refused;
        REQUIRE(is_one_line(filled.error().message));
        REQUIRE(filled.error().message.starts_with(file));
        REQUIRE(loaded == Sample{});
      }
    }
    REQUIRE(::pwrite(handle.get(), whole.data() + place, 1, static_cast<off_t>(place)) == 1);
  }
  CHECK(refused > 12 * header / 2);
}

TEST_CASE("a model with a value that is not finite is not saved, and the old one stays") {
  const TemporaryFolder root;
  Sample saved = Sample::numbered();
  REQUIRE(save_folder(root / "a", "M", saved.tensors()));
  Sample wrong = saved;
  wrong.embedding[4] = std::numeric_limits<float>::quiet_NaN();
  const auto written = save_folder(root / "a", "M", wrong.tensors());
  REQUIRE_FALSE(written);
  CHECK(written.error().error_kind == ErrorKind::not_finite);
  CHECK(written.error().message == root / "a/model.safetensors: tensor \"embedding.weight\": element 4 is nan");
  Sample loaded;
  REQUIRE(load_into(root / "a", loaded));
  CHECK(loaded == saved);
}

TEST_CASE("only a model folder is written over") {
  const TemporaryFolder root;
  Sample saved = Sample::numbered();
  std::filesystem::create_directory(root / "other");
  write_bytes(root / "other/config.json", R"({"architectures": ["x"]})");
  const auto written = save_folder(root / "other", "M", saved.tensors());
  REQUIRE_FALSE(written);
  CHECK(written.error().message == root / "other/config.json: key \"format\": missing (only a model folder is written over)");
  CHECK(read_bytes(root / "other/config.json") == R"({"architectures": ["x"]})");
  std::filesystem::remove(root / "other/config.json");
  write_bytes(root / "other/model.safetensors", "of somebody else");
  CHECK_FALSE(save_folder(root / "other", "M", saved.tensors()));
  CHECK(read_bytes(root / "other/model.safetensors") == "of somebody else");
  write_bytes(root / "file", "");
  CHECK_FALSE(save_folder(root / "file", "M", saved.tensors()));
  CHECK_FALSE(save_folder(root / "file/net", "M", saved.tensors()));
}

TEST_CASE("opening says what is missing") {
  const TemporaryFolder root;
  CHECK(load_folder(root / "none").error().message == root / "none: no such model folder");
  CHECK(load_folder(root.path()).error().message == root / "config.json: cannot open: No such file or directory");
  REQUIRE(write_config(root / "config.json", Config{.model = "M"}));
  CHECK(load_folder(root.path()).error().message == root / "model.safetensors: cannot open: No such file or directory");
}

TEST_CASE("the folder of a run that was stopped is named as one") {
  const TemporaryFolder root;
  write_bytes(root / "checkpoint.safetensors", "x");
  CHECK(load_folder(root.path()).error().message ==
        root.path() +
            ": holds the checkpoint of a run that was stopped, not yet a model; finish the run with genoform train and "
            "--resume, or with Trainer::resume() and save()");
}

TEST_CASE("every step of an interrupted save leaves the old model or the new one") {
  const TemporaryFolder root;
  const std::string path = root / "a";
  std::vector<float> values{1.0F};
  const std::vector<NamedTensor> tensors{{.name = "x", .shape = {1}, .values = values}};
  const auto check = [&](const std::string& model, float value) {
    const auto folder = load_folder(path);
    REQUIRE(folder);
    CHECK(folder->config.model == model);
    CHECK(folder->weights.as_f32("x").value() == std::vector{value});
  };
  const auto write_weights = [&](const std::string& model, float value) {
    const std::vector<float> one{value};
    REQUIRE(
        write_safetensors(path + "/model.safetensors", std::vector{tensor_data("x", {1}, std::span(one))}, {{"model", model}}));
  };
  REQUIRE(save_folder(path, "M<1>", tensors));
  REQUIRE(write_config(path + "/config.json.next", Config{.model = "M<2>"}));
  check("M<1>", 1.0F);
  write_weights("M<2>", 2.0F);
  check("M<2>", 2.0F);
  // A third save that stops after its configuration is staged must not lose the configuration of the second.
  CHECK(fails_for_lack_of_space([&] {
    std::vector<float> many(10'000);
    return save_folder(path, "M<3>", std::vector<NamedTensor>{{.name = "x", .shape = {10'000}, .values = many}});
  }));
  CHECK(read_config(path + "/config.json.next")->model == "M<3>");
  check("M<2>", 2.0F);
  values[0] = 3.0F;
  REQUIRE(save_folder(path, "M<3>", tensors));
  check("M<3>", 3.0F);
  CHECK_FALSE(std::filesystem::exists(path + "/config.json.next"));
}

TEST_CASE("a save that is killed at any moment leaves a whole model") {
  const TemporaryFolder root;
  const std::string path = root / "a";
  // The model is M<n>: n values, each n.
  const auto save = [&](std::size_t n) {
    std::vector<float> values(n, static_cast<float>(n));
    const std::vector<NamedTensor> tensors{{.name = "x", .shape = {static_cast<std::int64_t>(n)}, .values = values}};
    return save_folder(path, std::to_string(n), tensors);
  };
  REQUIRE(save(1));
  for (int round = 0; round < 40; ++round) {
    const pid_t child = ::fork();
    if (child == 0)
      for (std::size_t n = 1;; n = n % 3000 + 777)
        if (!save(n)) ::_exit(1);
    ::usleep(static_cast<useconds_t>(1000 + round * 617 % 9000));
    ::kill(child, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    const auto folder = load_folder(path);
    REQUIRE(folder);
    const auto n = static_cast<std::size_t>(std::stoul(folder->config.model));
    std::vector<float> values(n);
    REQUIRE(fill(*folder, std::vector<NamedTensor>{{.name = "x", .shape = {static_cast<std::int64_t>(n)}, .values = values}}));
    REQUIRE(values == std::vector<float>(n, static_cast<float>(n)));
  }
  REQUIRE(save(5));
  CHECK(std::distance(std::filesystem::directory_iterator(path), std::filesystem::directory_iterator()) == 2);
}

TEST_CASE("a partial fill takes the tensors that fit and reports the others; a wrong type or value is still an error") {
  const TemporaryFolder root;
  Sample saved = Sample::numbered();
  REQUIRE(save_folder(root / "a", "M", saved.tensors()));
  Sample sample;
  std::vector<float> wide(8, 0.5F), added(1, 0.5F);
  std::vector<NamedTensor> tensors = sample.tensors();
  tensors[0] = {.name = "embedding.weight", .shape = {2, 4}, .values = wide};
  tensors[2] = {.name = "added", .shape = {1}, .values = added};
  const auto folder = load_folder(root / "a");
  const LoadReport report = fill(*folder, tensors, {.partial = true});
  CHECK(report.loaded == std::vector<std::string>{"moe.router.weight", "moe.threshold", "moe.table"});
  CHECK(report.missing == std::vector<std::string>{"added"});
  CHECK(report.other_shape == std::vector<std::string>{"embedding.weight"});
  CHECK(report.further == std::vector<std::string>{"moe.bias"});
  CHECK(sample.router == saved.router);
  CHECK(sample.table == saved.table);
  CHECK(wide == std::vector<float>(8, 0.5F));
  CHECK(added == std::vector<float>(1, 0.5F));
  const std::vector<NamedTensor> mistyped{{.name = "moe.table", .shape = {3}, .values = sample.embedding}};
  CHECK_FALSE(fill(*folder, mistyped, {.partial = true}));
}

TEST_CASE("a model folder whose files are links keeps them: what is behind them is replaced") {
  const TemporaryFolder root, other;
  Sample first = Sample::numbered(), second = Sample::numbered();
  second.bias[0] = 99;
  REQUIRE(save_folder(root / "a", "M", first.tensors()));
  for (const char* const name : {"config.json", "model.safetensors"}) {
    std::filesystem::rename(root / "a" + "/" + name, other / name);
    std::filesystem::create_symlink(other / name, root / "a" + "/" + name);
  }
  REQUIRE(save_folder(root / "a", "N", second.tensors()));
  for (const char* const name : {"config.json", "model.safetensors"}) CHECK(std::filesystem::is_symlink(root / "a" + "/" + name));
  CHECK(load_folder(root / "a")->config.model == "N");
  Sample found;
  REQUIRE(load_into(root / "a", found));
  CHECK(found == second);
  CHECK(other.files() == 2);
}
