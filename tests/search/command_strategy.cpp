#include "genoform/search/strategy/command_strategy.hpp"

#include <chrono>
#include <fstream>
#include <string>
#include <vector>

#include "genoform/search/study.hpp"
#include "genoform/search/workers/in_process_workers.hpp"
#include "tests/catch.hpp"
#include "tests/search/toy.hpp"

using namespace toy;

namespace {

/// A shell program that runs `body` for each line that it gets, in $line.
std::string each_line(const std::string& body) { return "while read -r line; do " + body + "; done"; }

const std::string random_or_child_body =
    "case \"$line\" in *'\"number\":'*[02468],*) echo '{\"random\": true}';; *) echo '{\"mutate\": 1}';; esac";
const std::string random_or_child = each_line(random_or_child_body);

std::vector<Scored> some_history() {
  return {{.number = 1, .text = "000000", .fitness = 3, .learning_rate = 1e-3},
          {.number = 4, .text = "012345", .fitness = 2, .learning_rate = 1e-3, .parent = 1}};
}

Proposal propose(const CommandStrategy& strategy, const Sample& sample = {.number = 5}) {
  RandomStream samples(Random(1, 1));
  const std::vector<Scored> history = some_history();
  return strategy.propose_sample(Digits(), history, samples, sample);
}

/// The message of the exception.
std::string problem_of(const std::string& command, double seconds = 20) {
  try {
    propose(CommandStrategy({.command = command, .seconds = seconds}));
  } catch (const Exception& error) { return error.what(); }
  return "";
}
bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// A study of digits whose genomes a command proposes.
struct CommandStudy : DigitStudy {
  explicit CommandStudy(const std::string& command) : strategy({.command = command, .seconds = 20}) { genomes = 24; }

  bool run_with(
      const std::string& path, int count, const StopRequest& stop = [] { return Stop::no; }) const {
    WorkerPool pool(count, launcher(), setup);
    Store store(path, Store::Open::write);
    const Study study{space, strategy, clock, baselines, pool, options, nullptr, {{"low digits", &low, &evolution}}};
    return study.run(store, {.genomes = genomes, .stop = stop});
  }

  CommandStrategy strategy;
};

}  // namespace

TEST_CASE("a command gets the number, a seed and the history, and proposes a text, a child or a random genome") {
  const TemporaryFile seen("genoform-lines");
  const CommandStrategy strategy(
      {.command = each_line("echo \"$line\" >> " + seen.path() + "; echo '{\"text\": \"777777\", \"parent\": 4}'")});
  const Proposal proposal = propose(strategy);
  CHECK(proposal.text == "777777");
  CHECK(proposal.parent == 4);
  CHECK(proposal.refusal.empty());
  propose(strategy, {.number = 5, .index = 3, .refused = "777777", .refusal = "equal to trial 2"});
  std::ifstream file(seen.path());
  std::string first, second;
  std::getline(file, first);
  std::getline(file, second);
  nlohmann::json line = nlohmann::json::parse(first);
  CHECK(line["seed"].is_number_unsigned());
  line.erase("seed");
  CHECK(line == nlohmann::json::parse(R"({"number": 5, "sample": 0, "history": [
    {"number": 1, "text": "000000", "fitness": 3.0, "learning_rate": 0.001, "batch": 0, "parent": 0},
    {"number": 4, "text": "012345", "fitness": 2.0, "learning_rate": 0.001, "batch": 0, "parent": 1}]})"));
  CHECK(nlohmann::json::parse(second)["sample"] == 3);
  CHECK(nlohmann::json::parse(second)["refused"] == nlohmann::json{{"text", "777777"}, {"refusal", "equal to trial 2"}});

  const Proposal child = propose(CommandStrategy({.command = each_line("echo '{\"mutate\": 4}'")}));
  CHECK((child.text != "012345" && child.text.size() == 6 && child.parent == 4));
  const Proposal random = propose(CommandStrategy({.command = each_line("echo '{\"random\": true}'")}));
  CHECK((random.text.size() == 6 && random.parent == 0));
}

TEST_CASE("a text outside of the space is refused, and a command that proposes no other is known before a study") {
  const CommandStrategy strategy({.command = each_line("echo '{\"text\": \"12\"}'")});
  CHECK(propose(strategy).refusal == "not in the space: 12 has the wrong length");
  const std::vector<Scored> history = some_history();
  CHECK_THROWS_WITH(
      strategy.rehearse(Digits(), history),
      Catch::Contains("proposed 20 genomes that are all refused; line 21: \"12\": not in the space: 12 has the wrong"));
  CHECK_NOTHROW(CommandStrategy({.command = random_or_child}).rehearse(Digits(), history));
}

TEST_CASE("a command that does not read a long history is silent too") {
  const CommandStrategy strategy({.command = "exec sleep 100", .seconds = 0.3});
  std::vector<Scored> history;
  for (int n = 1; n <= 2000; ++n) history.push_back({.number = n, .text = std::string(1000, '7')});
  RandomStream samples(Random(1, 1));
  CHECK_THROWS_WITH(strategy.propose_sample(Digits(), history, samples, {.number = 2001}),
                    Catch::Contains("wrote nothing for 0.3 s after it was asked for proposal 2001"));
}

TEST_CASE("a command that ends, is silent or writes no proposal is an error that names the line and what is allowed") {
  CHECK(says(problem_of("exit 3"), "ended before it wrote line 1, the answer for proposal 5: it ended with exit code 3"));
  CHECK(says(problem_of("/none/such"), "ended with exit code 127"));
  CHECK(says(problem_of("sleep 100", 0.3), "wrote nothing for 0.3 s after it was asked for proposal 5"));
  const std::string allowed =
      "; {\"text\": \"Decoder<...>\"} with or without a \"parent\", {\"mutate\": 12} or {\"random\": true} is allowed";
  const auto problem_with = [&](const std::string& line) {
    const std::string problem = problem_of(each_line("echo '" + line + "'"));
    INFO(problem);
    CHECK(says(problem, "wrote line 1, \""));
    CHECK(problem.ends_with(allowed));
    return problem;
  };
  CHECK(says(problem_with("hello"), "\"hello\": byte 0: not JSON"));
  CHECK(says(problem_with("{\"texts\": \"777777\"}"), "unknown \"texts\"; it has text, parent, mutate, random"));
  CHECK(says(problem_with("{\"text\": 7}"), "must be a string"));
  CHECK(says(problem_with("{}"), "not one proposal"));
  CHECK(says(problem_with("{\"text\": \"777777\", \"random\": true}"), "not one proposal"));
  CHECK(says(problem_with("{\"mutate\": 4, \"parent\": 1}"), "not one proposal"));
  CHECK(says(problem_with("{\"mutate\": 3}"), "trial 3 is none of the history"));
  CHECK(says(problem_with("{\"text\": \"777777\", \"parent\": 9}"), "trial 9 is none of the history"));
  CHECK(says(problem_of(each_line("head -c 1100000 /dev/zero; echo")), "a line of more than 1048576 bytes"));
}

TEST_CASE("a command that is waited for is given up when the search is stopped") {
  const auto start = std::chrono::steady_clock::now();
  const CommandStrategy strategy({.command = "sleep 100", .seconds = 60, .is_stopped = [] { return true; }});
  CHECK(propose(strategy).refusal == "stopped");
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(10));
}

TEST_CASE("a study of a command has the same record for one worker and three, and after an interruption") {
  const TemporaryFile one("genoform-one"), three("genoform-three"), parts("genoform-parts");
  const CommandStudy study(random_or_child);
  REQUIRE(study.run_with(one.path(), 1));
  REQUIRE(study.run_with(three.path(), 3));
  CHECK(record_of(three.path()) == record_of(one.path()));
  for (int part = 0; part < 40; ++part) {
    int looks = 0;
    if (CommandStudy(random_or_child).run_with(parts.path(), 2, [&] { return ++looks > 12 ? Stop::now : Stop::no; })) break;
  }
  CHECK(record_of(parts.path()) == record_of(one.path()));
  int of_command = 0, of_control = 0;
  for (const Trial& t : trials_of(one.path()))
    if (t.phase == "search" && t.state == State::done) ++(t.name.empty() ? of_command : of_control);
  CHECK(of_command == 12);
  CHECK(of_control == 12);
}

TEST_CASE("the reason of a refusal goes to the command with the next request, and into the record") {
  const TemporaryFile file("genoform-refused");
  const CommandStudy study(each_line(
      "case \"$line\" in *'\"refusal\":\"not in the space: '*) echo '{\"random\": true}';; *) echo '{\"text\": \"12\"}';; esac"));
  REQUIRE(study.run_with(file.path(), 2));
  int refused = 0;
  for (const Trial& t : trials_of(file.path())) refused += t.name.empty() && t.state == State::refused ? 1 : 0;
  CHECK(refused >= 12);  // once for each genome of the command
  CHECK(record_of(file.path()).find("not in the space: 12 has the wrong length") != std::string::npos);
}

TEST_CASE("what a study has survives a command that fails, and a resumed study has the record of one without the failure") {
  const TemporaryFile script("genoform-script"), failed("genoform-fails"), whole("genoform-whole");
  const auto write = [&](const std::string& body) { std::ofstream(script.path()) << body << "\n"; };
  const CommandStudy study("sh " + script.path());
  write(random_or_child);
  REQUIRE(study.run_with(whole.path(), 2));
  write("n=0; " + each_line("n=$((n+1)); [ $n -gt 5 ] && exit 7; " + random_or_child_body));
  CHECK_THROWS_WITH(CommandStudy("sh " + script.path()).run_with(failed.path(), 2), Catch::Contains("it ended with exit code 7"));
  int done = 0;
  for (const Trial& t : trials_of(failed.path())) done += t.state == State::done ? 1 : 0;
  CHECK(done >= 6);
  write(random_or_child);
  REQUIRE(CommandStudy("sh " + script.path()).run_with(failed.path(), 2));
  CHECK(record_of(failed.path()) == record_of(whole.path()));
}
