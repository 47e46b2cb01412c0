#include <algorithm>
#include <clocale>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "genoform/report/diagram.hpp"
#include "genoform/report/json.hpp"
#include "genoform/report/svg_diagram.hpp"
#include "genoform/report/text_table.hpp"
#include "nets.hpp"
#include "tests/catch.hpp"

using namespace training;
using namespace std::string_literals;

namespace {

/// A locale with decimal commas, as those of most of Europe, while it lives. Its file is written here: few machines have one.
class CommaLocale {
 public:
  CommaLocale() : folder_("locale") {
    std::filesystem::create_directories(folder_ / "comma");
    std::ofstream(folder_ / "comma/LC_NUMERIC", std::ios::binary)
        << "\x14\x11\x03\x20\6\0\0\0\x20\0\0\0\x22\0\0\0\x24\0\0\0\x28\0\0\0\x2c\0\0\0\x30\0\0\0"
           ",\0.\0\3\3\0\0,\0\0\0.\0\0\0ANSI_X3.4-1968\0"s;
    ::setenv("LOCPATH", folder_.path().c_str(), 1);
    if (std::setlocale(LC_NUMERIC, "comma") == nullptr) FAIL("the locale cannot be loaded");
  }
  CommaLocale(const CommaLocale&) = delete;
  CommaLocale& operator=(const CommaLocale&) = delete;
  ~CommaLocale() {
    std::setlocale(LC_NUMERIC, "C");
    ::unsetenv("LOCPATH");
  }

 private:
  ScratchFolder folder_;
};

std::string printed(double number) {
  char text[40];
  std::snprintf(text, sizeof text, "%g", number);
  return text;
}

}  // namespace

TEST_CASE("numbers in texts and files do not depend on the locale") {
  const CommaLocale comma;
  REQUIRE(printed(1.5) == "1,5");
  CHECK(general_text(1.5) == "1.5");
  CHECK(fixed_text(-0.25, 3) == "-0.250");
  CHECK(number_of<double>("1.5") == 1.5);
  CHECK(!number_of<double>("1,5"));
  CHECK(JsonObject().add("loss", 0.5).text() == "{\"loss\": 0.5}");
  CHECK(bytes_text(2500) == "2.44 KiB");
  const Genome genome = Genome::parse("Decoder<Stack<Block<Attn, Ffn<SqReLU>>, 1>, Vocab<256>, Width<32>, Context<16>>");
  const std::string comma_svg = svg_diagram_of(genome, {2, 16}), comma_text = diagram_of(genome, {2, 16});
  std::setlocale(LC_NUMERIC, "C");
  CHECK(comma_svg == svg_diagram_of(genome, {2, 16}));
  CHECK(comma_text == diagram_of(genome, {2, 16}));
}

TEST_CASE("numbers are written as printf does without a locale") {
  for (const double number : {0.0, -0.0, 1.0, 0.1, 1.0 / 3, 123456.5, 1234567.0, 1e-5, 1e-4, 6.02e23, 1e300})
    CHECK(general_text(number) == printed(number));
  CHECK(fixed_text(-1e308, 2).size() == 313);
}

TEST_CASE("a run that is logged and saved under a locale with decimal commas is read and resumed without it") {
  const ScratchFolder folder("comma_run");
  const TrainOptions options{.steps = 4,
                             .batch = 2,
                             .learning_rate = 2.5e-3f,
                             .optimizer = Adafactor{.beta2 = 0.99},
                             .windows = 4,
                             .log = folder.path()};
  {
    const CommaLocale comma;
    Model<Mixed, Cpu> model({.seed = 1});
    Trainer trainer(model, options);
    for (int i = 0; i < 3; ++i) trainer.step(text()).value();
    trainer.save(folder.path()).value();
    const AdamW adamw{.beta2 = 0.95};
    CHECK(adamw.bind(model)->description() == "adamw beta1 0.9 beta2 0.95 epsilon 1e-08 decay 0.1 clip 1");
  }
  for (const std::string& line : lines_of(folder / "log.jsonl"))
    CHECK(nlohmann::json::parse(line).at("pool_bits_per_byte").get<double>() > 1);
  for (const std::string& line : lines_of(folder / "log.csv")) CHECK(std::ranges::count(line, ',') == 11);
  Model<Mixed, Cpu> model({.seed = 2});
  Trainer trainer(model, options);
  trainer.resume(folder.path()).value();
  CHECK(trainer.step(text())->index == 4);
}
