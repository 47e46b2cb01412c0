#pragma once
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "genoform/backend/cpu.hpp"
#include "genoform/genoform.hpp"
#include "genoform/model/model.hpp"
#include "genoform/train.hpp"
#include "tests/catch.hpp"

/// Small models, a text and a folder for the tests of training.
namespace training {

using namespace genoform;
using namespace genoform::inner;

/// Every kind of state that a run has: routers with and without, two stacks, grouped heads, a convolution, biases.
using Mixed = Decoder<Body<Stack<Block<Attention<Heads<4>, KvHeads<2>, DConv<3>>, Moe<ExpertChoice, Experts<4>, Hidden<32>>>, 1>,
                           Stack<Block<Moe<Top2, Experts<4>, Hidden<24>>, Ffn<SqReLU, Bias, Hidden<48>>>, 1>>,
                      Vocab<256>, Width<32>, Context<16>>;
using Dense = Decoder<Stack<Block<Attention<Heads<2>>, Ffn<SqReLU>>, 2>, Vocab<256>, Width<32>, Context<16>>;

/// Every router that Mixed has not.
using Routed = Decoder<Stack<Block<Moe<Hash, Experts<4>, Hidden<16>>, Moe<LossFree<2>, Experts<4>, Hidden<16>, Shared<1>>,
                                   Moe<Base, Experts<4>, Hidden<16>>, Moe<ExpertThreshold, Experts<4>, Hidden<16>>,
                                   Moe<Top2, Experts<4>, Hidden<16>, Capacity<80>>>,
                             1>,
                       Vocab<256>, Width<16>, Context<16>>;

inline const Corpus& text() {
  static const Corpus corpus = Corpus::from_text(synthetic_text(40000, 3));
  return corpus;
}

/// A new folder that is removed again.
class ScratchFolder {
 public:
  explicit ScratchFolder(const std::string& name) : path_(std::filesystem::temp_directory_path() / ("genoform_train_" + name)) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

inline std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream in(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

template <class T>
std::vector<T> copied(std::span<T> values) {
  return {values.begin(), values.end()};
}

/// A run that is broken off after five steps and resumed from the folder equals the uninterrupted one: losses, parameters, what
/// routers remember, validation.
template <class Net>
void require_resumes_to_the_same_bits(const TrainOptions& options, const ScratchFolder& folder) {
  Model<Net, Cpu> whole({.seed = 1});
  std::vector<double> losses;
  Trainer uninterrupted(whole, options);
  for (const Step& s : uninterrupted.run(text())) losses.push_back(s.bits_per_byte);

  Model<Net, Cpu> first({.seed = 1});
  Trainer broken_off(first, options);
  for (int i = 0; i < 5; ++i) broken_off.step(text()).value();
  broken_off.save(folder.path()).value();

  Model<Net, Cpu> second({.seed = 99});
  Trainer resumed(second, options);
  resumed.resume(folder.path()).value();
  REQUIRE(resumed.steps_done() == 5);
  for (const Step& s : resumed.run(text())) REQUIRE(s.bits_per_byte == losses[static_cast<std::size_t>(s.index - 1)]);
  REQUIRE(copied(second.parameters()) == copied(whole.parameters()));
  REQUIRE(copied(second.state()) == copied(whole.state()));
  REQUIRE(resumed.validate(text()).value() == uninterrupted.validate(text()).value());
}

}  // namespace training
