#include "genoform/search/serve/evaluator_server.hpp"

#include <fcntl.h>

#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "genoform/search/clock/constant_oracle.hpp"
#include "genoform/search/clock/oracles.hpp"
#include "genoform/search/serve/genome_cost.hpp"
#include "genoform/search/workers/in_process_workers.hpp"
#include "tests/catch.hpp"
#include "tests/search/toy.hpp"

using namespace toy;

namespace {

constexpr const char* plain = "Decoder<Stack<Block<Attention<Heads<2>>, Ffn<ReLU>>, 2>, Vocab<256>, Width<64>, Context<64>>";

/// A server of digits, or of blocks, whose trainings are as long as the text.
struct Bench {
  Digits digits{};
  BlockSpace blocks{};
  FlopsOracle oracle{ModelSizes(4, 64), 1e9};
  std::vector<TrainRequest> asked{};
  FunctionEvaluator evaluator{[this](const TrainRequest& r) {
    asked.push_back(r);
    if (r.text == "666666") throw Exception({ErrorKind::not_finite, "step 3: the loss is not finite"});
    return static_cast<double>(r.text.size()) + r.learning_rate;
  }};
  std::function<bool()> is_stopped = [] { return false; };
  int writes = 1000;  ///< after which nobody reads
  EvaluatorServer::End end{};

  GenomeCost cost(const std::string& text, int batch = 0) const {
    if (text.starts_with("D")) return genome_cost(ModelSizes(4, 64), oracle, text, batch);
    digits.check(text).value();
    return {.parameters = 7, .step_seconds = text[0] == '1' ? std::optional<double>() : 0.01};
  }

  std::vector<nlohmann::json> answers(const std::string& input, bool has_blocks = false, int workers = 1) {
    const TemporaryFile file("genoform-requests");
    std::ofstream(file.path(), std::ios::binary) << input;
    const int fd = ::open(file.path().c_str(), O_RDONLY | O_CLOEXEC);
    REQUIRE(fd >= 0);
    InProcessWorkers pool(evaluator, workers);
    LineReader lines(fd, EvaluatorServer::max_line);
    const Space& space = has_blocks ? static_cast<const Space&>(blocks) : digits;
    EvaluatorServer server(
        {space, has_blocks ? &blocks : nullptr, [this](const std::string& t, int batch) { return cost(t, batch); }, 2}, pool);
    std::vector<nlohmann::json> all;
    end = server.run(
        lines,
        [&](const std::string& line) {
          if (writes-- == 0) return false;
          CHECK(line.find('\n') + 1 == line.size());
          all.push_back(nlohmann::json::parse(line));
          return true;
        },
        [this] { return is_stopped() ? Stop::now : Stop::no; });
    ::close(fd);
    return all;
  }
  nlohmann::json answer(const std::string& line, bool has_blocks = false) {
    const std::vector<nlohmann::json> all = answers(line + "\n", has_blocks);
    REQUIRE(all.size() == 1);
    CHECK(end == EvaluatorServer::End::of_input);
    return all.front();
  }
  /// The message of the error that a line gets; its kind is "input".
  std::string error(const std::string& line, bool has_blocks = false) {
    const nlohmann::json reply = answer(line, has_blocks);
    INFO(reply.dump());
    REQUIRE(reply.contains("error"));
    CHECK(reply["error"]["kind"] == "input");
    return reply["error"]["message"];
  }
};

bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a server says what its space is and draws from it by seed") {
  Bench b;
  const nlohmann::json space = b.answer(R"({"id": 1, "space": {}})");
  CHECK(space == nlohmann::json::parse(R"({"id":1,"answer":{"kind":"digits","protocol":1,"genes":{"length":6,"base":8}}})"));
  const nlohmann::json first = b.answer(R"({"id": "a", "sample": {"seed": 3, "count": 5}})");
  CHECK(first["id"] == "a");
  CHECK(first["answer"]["texts"].size() == 5);
  CHECK(first["answer"]["texts"][0] != first["answer"]["texts"][1]);
  CHECK(b.answer(R"({"id": "a", "sample": {"seed": 3, "count": 5}})") == first);
  CHECK(b.answer(R"({"id": "a", "sample": {"seed": 4, "count": 5}})") != first);
  CHECK(b.answer(R"({"id": 2, "sample": {"seed": 3}})")["answer"]["texts"][0] == first["answer"]["texts"][0]);
  const nlohmann::json mutant = b.answer(R"({"id": 3, "mutate": {"text": "012345", "seed": 1}})");
  CHECK(mutant["answer"]["text"].get<std::string>().size() == 6);
  CHECK(mutant["answer"]["text"] != "012345");
  CHECK(b.answer(R"({"id": 3, "mutate": {"text": "012345", "seed": 1}})") == mutant);
  CHECK(says(b.error(R"({"id": 4, "mutate": {"text": "01", "seed": 1}})"), "01 has the wrong length"));
}

TEST_CASE("a server checks and counts a genome without training it") {
  Bench b;
  CHECK(b.answer(R"({"id": 1, "check": {"text": "012345"}})")["answer"] == nlohmann::json{{"ok", true}});
  const nlohmann::json refused = b.answer(R"({"id": 1, "check": {"text": "0123"}})")["answer"];
  CHECK(refused == nlohmann::json{{"ok", false}, {"refusal", "0123 has the wrong length"}});
  const nlohmann::json cost = b.answer(R"({"id": 1, "cost": {"text": ")" + std::string(plain) + R"("}})", true)["answer"];
  const Cost counted = ModelSizes(4, 64).cost(plain);
  CHECK(cost["parameters"] == counted.parameters);
  CHECK(cost["activated_parameters"] == counted.activated_parameters);
  CHECK(cost["training_flops"] == counted.training_flops());
  CHECK(cost["bytes"] == counted.weight_bytes() + counted.workspace_bytes());
  CHECK(cost["step_seconds"].get<double>() == Approx(static_cast<double>(counted.training_flops()) / 1e9));
  CHECK(says(b.error(R"({"id": 1, "cost": {"text": "Decoder<Block<Ffn<>>>"}})", true), "is no whole model"));
  CHECK(says(b.error(R"({"id": 1, "cost": {"text": "Decoder<Blok<Ffn<>>>"}})", true), "1:9"));
  const nlohmann::json twice =
      b.answer(R"({"id": 1, "cost": {"batch": 8, "text": ")" + std::string(plain) + R"("}})", true)["answer"];
  CHECK(twice["training_flops"] == 2 * counted.training_flops());
  CHECK(says(b.error(R"({"id": 1, "cost": {"text": "012345", "batch": 0}})"), "must be an integer of at least 1"));
  CHECK(b.asked.empty());
}

TEST_CASE("a server trains for steps, or for a budget at the step time of its oracle") {
  Bench b;
  const nlohmann::json steps =
      b.answer(R"({"id": 1, "train": {"text": "012345", "learning_rate": 0.5, "steps": 20, "seed": 9}})");
  CHECK(steps["answer"]["loss"] == 6.5);
  CHECK(steps["answer"]["steps"] == 20);
  CHECK(steps["answer"]["step_seconds"] == 0.01);
  const nlohmann::json budget = b.answer(R"({"id": 1, "train": {"text": "012345", "learning_rate": 0.5, "budget": 1}})");
  CHECK(budget["answer"]["steps"] == 100);
  CHECK(b.answer(R"({"id": 1, "train": {"text": "012345", "learning_rate": 0.5}})")["answer"]["steps"] == 200);
  b.answer(R"({"id": 1, "train": {"text": "112345", "learning_rate": 0.5, "budget": 1, "max_step_seconds": 3}})");
  REQUIRE(b.asked.size() == 4);
  CHECK((b.asked[0].steps == 20 && b.asked[0].seed == 9 && b.asked[0].budget == 0));
  CHECK((b.asked[1].steps == 100 && b.asked[1].seed == 1));
  CHECK((b.asked[3].steps == 0 && b.asked[3].budget == 1 && b.asked[3].max_step_seconds == 3));
  const nlohmann::json slow =
      b.answer(R"({"id": 1, "train": {"text": "012345", "learning_rate": 0.5, "budget": 1, "max_step_seconds": 0.001}})");
  CHECK(slow["answer"]["refusal"] == "step time");
  CHECK(b.asked.size() == 4);
  const nlohmann::json failed = b.answer(R"({"id": 1, "train": {"text": "666666", "learning_rate": 0.5, "steps": 1}})");
  CHECK(failed["error"] == nlohmann::json{{"kind", "not finite"}, {"message", "step 3: the loss is not finite"}});
}

TEST_CASE("a server lists the parameters of a block space and goes from values to texts and back") {
  Bench b;
  const nlohmann::json list = b.answer(R"({"id": 1, "parameters": {"max_sub_layers": 1}})", true)["answer"]["parameters"];
  CHECK(list[0] == nlohmann::json{{"name", "width"}, {"values", {"48", "64", "96", "128"}}, {"ordered", true}});
  nlohmann::json first;
  for (const nlohmann::json& gene : list) first[gene["name"].get<std::string>()] = gene["values"][0];
  const nlohmann::json found = b.answer(nlohmann::json{{"id", 1}, {"decode", first}}.dump(), true)["answer"];
  CHECK((found.contains("text") || !says(found["refusal"], "is missing")));
  const nlohmann::json longer = b.answer(R"({"id": 1, "parameters": {"max_sub_layers": 2}})", true)["answer"]["parameters"];
  CHECK(longer.size() > list.size());
  CHECK(b.answer(R"({"id": 1, "parameters": {}})", true)["answer"]["parameters"].size() > longer.size());
  RandomStream samples(Random(1, 1));
  const std::string text = b.blocks.random(samples);
  const nlohmann::json values = b.answer(nlohmann::json{{"id", 1}, {"encode", {{"text", text}}}}.dump(), true)["answer"];
  CHECK(b.answer(nlohmann::json{{"id", 2}, {"decode", values}}.dump(), true)["answer"]["text"] == text);
  CHECK(says(b.answer(R"({"id": 1, "decode": {"width": "64"}})", true)["answer"]["refusal"], "is missing; allowed: 1"));
  for (const char* hurdles : {R"([{"at": 0.5}, {"at": 0.25}])", R"([{"at": 1e300}])", R"([{"at": 0}])"}) {
    const std::string train = R"({"id": 1, "train": {"text": "012345", "learning_rate": 0.004, "hurdles": )";
    CHECK(says(b.error(train + hurdles + "}}", true), "above 0 and at most 1, in rising order"));
  }
  CHECK(says(b.error(R"({"id": 1, "decode": {"width": 64}})", true), "\"width\": must be a string"));
  CHECK(says(b.answer(R"({"id": 1, "parameters": {}})")["error"]["message"], "have no names"));
}

TEST_CASE("a request that is wrong gets an answer that says so, and the next one is heard") {
  Bench b;
  const std::string good = R"({"id": 9, "space": {}})";
  const std::map<std::string, std::string> wrong{
      {R"({"id": 1, "space": )", "byte 19: not JSON"},
      {R"({"id": 1 "space": {}})", "byte 15: not JSON"},
      {"", "byte 0: not JSON"},
      {"[1, 2]", "byte 0: not a JSON object"},
      {"{\"id\": 1, \"space\": \"\xff\"}", "byte 20: not UTF-8"},
      {R"({"id": 1, "id": 2, "space": {}})", "key \"id\" stands twice"},
      {R"({"space": {}})", "a request needs an \"id\""},
      {R"({"id": [1], "space": {}})", "a request needs an \"id\""},
      {R"({"id": 1})", "one thing beside it"},
      {R"({"id": 1, "space": {}, "check": {}})", "this one has 2"},
      {R"({"id": 1, "tarin": {}})", "unknown request \"tarin\"; did you mean \"train\"?; there are space, sample, mutate"},
      {R"({"id": 1, "space": 3})", "must be an empty object"},
      {R"({"id": 1, "sample": {}})", "sample request: \"seed\" is missing"},
      {R"({"id": 1, "sample": {"seed": 1, "number": 2}})", "unknown \"number\"; it has seed, count"},
      {R"({"id": 1, "sample": {"seed": -1}})", "must be an integer of at least 0, not -1"},
      {R"({"id": 1, "sample": {"seed": 1, "count": 10001}})", "must be an integer from 1 to 10000"},
      {R"({"id": 1, "train": {"learning_rate": 1}})", "train request: \"text\" is missing"},
      {R"({"id": 1, "train": {"text": "012345"}})", "train request: \"learning_rate\" is missing"},
      {R"({"id": 1, "train": {"text": "012345", "learning_rate": 0}})", "must be a number above 0"},
      {R"({"id": 1, "train": {"text": "012345", "learning_rate": 1, "steps": 1, "budget": 1}})", "give one of them"},
      {R"({"id": 1, "train": {"text": "012345", "learning_rate": 1, "steps": 0}})", "from 1 to 2147483647"},
      {R"({"id": 1, "train": {"text": "012345", "learning_rate": 1, "budget": -1}})", "must be seconds above 0"},
      {R"({"id": 1, "train": {"text": "0123", "learning_rate": 1}})", "0123 has the wrong length"},
      {R"({"id": 1, "train": [1]})", "train request must be an object"},
      {R"({"id": 1, "train": )" + std::string(100000, '[') + std::string(100000, ']') + "}", "nested deeper than 64 levels"},
      {R"({"id": 1, "check": {"text": ")" + std::string(EvaluatorServer::max_line, 'x') + R"("}})",
       "more than the 1048576 bytes"}};
  std::string all;
  for (const auto& [line, message] : wrong) {
    INFO(line.substr(0, 100));
    const std::string found = b.error(line);
    INFO(found);
    CHECK(says(found, message));
    CHECK(found.find('\n') == std::string::npos);
    CHECK(found.size() < 400);
    all += line + "\n" + good + "\n";
  }
  const std::vector<nlohmann::json> replies = b.answers(all);
  REQUIRE(replies.size() == 2 * wrong.size());
  for (std::size_t i = 0; i < replies.size(); ++i) CHECK(replies[i].contains(i % 2 == 0 ? "error" : "answer"));
  CHECK(b.asked.empty());
}

TEST_CASE("one worker answers in the order of the requests, and several answer all of them") {
  Bench b;
  std::string input;
  for (int i = 0; i < 20; ++i)
    input += R"({"id": )" + std::to_string(i) +
             (i % 3 == 0 ? R"(, "space": {}})" : R"(, "train": {"text": "012345", "learning_rate": 1, "steps": 1}})") +
             (i == 19 ? "" : "\n");
  const std::vector<nlohmann::json> in_order = b.answers(input);
  REQUIRE(in_order.size() == 20);
  for (int i = 0; i < 20; ++i) CHECK(in_order[static_cast<std::size_t>(i)]["id"] == i);
  std::set<int> ids;
  for (const nlohmann::json& reply : b.answers(input, false, 4)) ids.insert(reply["id"].get<int>());
  CHECK(ids.size() == 20);
}

TEST_CASE("a server ends when it is stopped and when nobody reads") {
  Bench b;
  b.is_stopped = [] { return true; };
  CHECK(b.answers("{\"id\": 1, \"space\": {}}\n").empty());
  CHECK(b.end == EvaluatorServer::End::stopped);
  b.is_stopped = [] { return false; };
  b.writes = 1;
  CHECK(b.answers("{\"id\": 1, \"space\": {}}\n{\"id\": 2, \"space\": {}}\n").size() == 1);
  CHECK(b.end == EvaluatorServer::End::unread);
}
