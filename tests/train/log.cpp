#include "genoform/train/log.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

#include "nets.hpp"
#include "tests/catch.hpp"

using namespace training;

TEST_CASE("the log has one line a step, as JSON and as a table") {
  const ScratchFolder folder("log");
  Model<Dense, Cpu> model;
  Trainer trainer(model, {.steps = 3, .batch = 2, .windows = 4, .log = folder.path()});
  for (const Step& s : trainer.run(text())) (void)s;
  const auto json = lines_of(folder / "log.jsonl"), table = lines_of(folder / "log.csv");
  REQUIRE(json.size() == 3);
  REQUIRE(json[0].find("{\"step\": 1, \"tokens\": 32, \"pool_bits_per_byte\": ") == 0);
  REQUIRE(json[0].find("validation") == std::string::npos);
  REQUIRE(json[2].find("\"validation_bits_per_byte\": ") != std::string::npos);
  REQUIRE(table.size() == 4);
  REQUIRE(table[0].find("step,tokens,pool_bits_per_byte,validation_bits_per_byte") == 0);
  REQUIRE(table[3].find("3,96,") == 0);
}

TEST_CASE("a resumed run appends: steps after the checkpoint and a torn last line are cut off") {
  const ScratchFolder folder("append");
  {
    TrainLog log = TrainLog::open(folder.path(), 0);
    for (int i = 1; i <= 5; ++i) log.write({.index = i}).value();
  }
  std::ofstream(folder / "log.jsonl", std::ios::app) << "{\"step\": 6, \"tok";
  std::ofstream(folder / "log.csv", std::ios::app) << "6,";
  {
    TrainLog log = TrainLog::open(folder.path(), 3);
    log.write({.index = 4, .bits_per_byte = 2.5}).value();
  }
  const auto json = lines_of(folder / "log.jsonl"), table = lines_of(folder / "log.csv");
  REQUIRE(json.size() == 4);
  REQUIRE(json[3].find("{\"step\": 4, \"tokens\": 0, \"pool_bits_per_byte\": 2.5,") == 0);
  REQUIRE(table.size() == 5);
  REQUIRE(table[4].find("4,0,2.5,") == 0);
  TrainLog::open(folder.path(), 0).value();
  REQUIRE(lines_of(folder / "log.jsonl").empty());
  REQUIRE(lines_of(folder / "log.csv").size() == 1);
}

TEST_CASE("a log in a folder that is not there is an error with its name") {
  REQUIRE(TrainLog::open("/proc/nowhere", 0).error().message == "/proc/nowhere: cannot open: No such file or directory");
}

TEST_CASE("one run writes into a folder, and the next one when the first has ended") {
  const ScratchFolder folder("one_writer");
  {
    TrainLog log = TrainLog::open(folder.path(), 0);
    log.write({.index = 1}).value();
    const Result<TrainLog> second = TrainLog::open(folder.path(), 0);
    REQUIRE(!second);
    REQUIRE(second.error().message.find(folder.path() + ": another run is writing into this folder") == 0);
    REQUIRE(lines_of(folder / "log.jsonl").size() == 1);
  }
  TrainLog::open(folder.path(), 0).value();
}

TEST_CASE("files that are no logs are not cut off") {
  for (const char* const name : {"log.jsonl", "log.csv"}) {
    const ScratchFolder folder("foreign_log");
    std::ofstream(folder / name) << "my own notes\n";
    const Result<TrainLog> log = TrainLog::open(folder.path(), 0);
    REQUIRE(!log);
    REQUIRE(log.error().message.find(folder / name + ": not a log of a training run") == 0);
    REQUIRE(lines_of(folder / name).front() == "my own notes");
  }
}

TEST_CASE("a log that cannot be written is an error with its file, and the step that it belongs to is done") {
  const ScratchFolder folder("full_log"), other("full_log_saved");
  std::filesystem::create_symlink("/dev/full", folder / "log.jsonl");
  Model<Dense, Cpu> model;
  Trainer trainer(model, {.steps = 3, .batch = 2, .windows = 0, .log = folder.path()});
  const Result<Step> step = trainer.step(text());
  REQUIRE(!step);
  REQUIRE(step.error().error_kind == ErrorKind::resources);
  REQUIRE(step.error().message == folder / "log.jsonl: cannot write: No space left on device");
  REQUIRE(trainer.steps_done() == 1);
  trainer.save(other.path()).value();
}

TEST_CASE("a program without standard streams writes no progress into its logs") {
  const ScratchFolder folder("streams");
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(1);
    ::close(2);
    TrainLog log = TrainLog::open(folder.path(), 0);
    std::fputs("progress\n", stderr);
    std::puts("result");
    const bool failed = std::fflush(stdout) != 0;
    ::_exit(failed && log.write({.index = 1}) ? 0 : 1);
  }
  int status = 1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
  REQUIRE(lines_of(folder / "log.jsonl").size() == 1);
  REQUIRE(lines_of(folder / "log.csv").size() == 2);
}
