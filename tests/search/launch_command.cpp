#include "genoform/search/workers/launch_command.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "genoform/search/workers/worker_pool.hpp"
#include "tests/catch.hpp"
#include "tests/search/toy.hpp"

using namespace toy;

namespace {

/// A worker as a shell's command: greets, is set up and answers job 7, for any job. `loss`: what the shell makes of it.
std::string shell_worker(const std::string& loss = "3", const std::string& before_answer = ":",
                         const std::string& machine = "m") {
  const Greeting greeting{.protocol = protocol_version, .library = library_version, .machine = machine};
  return "sh -c " + in_shell("echo '" + encode(greeting).dump() + "'; read setup; echo '" + encode(Ready{}).dump() +
                             "'; while read request; do " + before_answer + "; echo '{\"job\": 7, \"answer\": {\"loss\": '" +
                             loss + "', \"at_hurdles\": [], \"steps\": 0, \"refusal\": \"\"}}'; done");
}

TrainRequest training() {
  TrainRequest request;
  request.text = "7";
  request.steps = 1;
  return request;
}

/// What the worker that is idle first says to job 7.
Reply reply_of(WorkerPool& pool, double limit = 30) {
  while (pool.idle().empty()) pool.wait(0.05);
  pool.start(pool.idle().front(), {7, training()}, limit);
  for (int i = 0; i < 600; ++i)
    if (auto replies = pool.wait(0.05); !replies.empty()) return replies.front();
  FAIL("no reply");
  return {};
}

/// Why workers cannot be started.
std::string why_not(const std::string& command, double start_limit = 120) {
  try {
    WorkerPool pool(1, command_launcher(command, shell_worker()), {}, {}, start_limit);
    for (int i = 0; i < 400; ++i) pool.wait(0.05);
  } catch (const Exception& error) { return error.what(); }
  return "";
}

bool runs(const std::string& pid) {
  std::ifstream status("/proc/" + pid + "/stat");
  std::string number, name, state;
  return status >> number >> name >> state && state != "Z" && state != "X";
}

}  // namespace

TEST_CASE("a launch command has the worker's command and number filled in") {
  CHECK(launch_command("ssh host{n} {}", "/opt/genoform worker", 12) == "ssh host12 /opt/genoform worker");
  CHECK(launch_command("a {n}{n} {}; {} { } {m}", "w", 0) == "a 00 w; w { } {m}");
  CHECK(launch_command("own", "w", 3) == "own");
  CHECK(launch_command("{}", "/a{n}/genoform worker", 3) == "/a{n}/genoform worker");
  CHECK(in_shell("/a/b-c.d") == "/a/b-c.d");
  CHECK(in_shell("it's $HOME") == "'it'\\''s $HOME'");
  CHECK(in_shell("") == "''");
}

TEST_CASE("a command starts a worker, whatever it prints before and however it is nested") {
  for (const char* command : {"{}", "exec {}", "echo welcome to host {n}; exec {}", "printf 'no end of line> '; echo; {}",
                              "echo '{\"setup\": 1}'; echo '[]'; echo words >&2; {}", "cat | {} | cat"}) {
    INFO(command);
    WorkerPool pool(1, command_launcher(command, shell_worker()), {});
    CHECK(std::get<TrainReply>(reply_of(pool).answer).loss == 3.0);
  }
}

TEST_CASE("a reply that came in time counts, however late the coordinator looks") {
  WorkerPool pool(1, command_launcher("{}", shell_worker()), {});
  while (pool.idle().empty()) pool.wait(0.05);
  pool.start(0, {7, training()}, 0.5);
  ::usleep(700000);
  const std::vector<Reply> replies = pool.wait(0);
  REQUIRE(replies.size() == 1);
  CHECK(replies.front().kind == Reply::Kind::answer);
}

TEST_CASE("a launched worker may use all processors") {
  WorkerPool pool(1, command_launcher("{}", shell_worker("$(nproc)")), {});
  CHECK(std::get<TrainReply>(reply_of(pool).answer).loss == static_cast<double>(allowed_processors().size()));
}

TEST_CASE("a command that starts no worker ends the search with what it said") {
  CHECK_THAT(why_not("/nowhere/genoform-worker"), Catch::Contains("worker 0: it ended with exit code 127") &&
                                                      Catch::Contains("its last words: ") &&
                                                      Catch::Contains("/nowhere/genoform-worker"));
  CHECK_THAT(
      why_not("echo; echo first >&2; echo 'ssh: no route to host{n}' >&2; exit 255"),
      Catch::Contains("workers cannot be started: worker 0: it ended with exit code 255; its last words: \"first | ssh: no "
                      "route to host0\""));
  CHECK_THAT(why_not("echo please log in; cat >/dev/null", 0.2),
             Catch::Contains("it did not answer in time; before a worker greeted it printed \"please log in\""));
  CHECK_THAT(why_not("sleep 1000", 0.2), Catch::Contains("it did not answer in time"));
  CHECK_THAT(why_not("yes"), Catch::Contains("it printed much and no greeting; before a worker greeted it printed \"y"));
}

TEST_CASE("a launched worker that hangs, dies or babbles costs one attempt") {
  const auto first_of = [](const std::string& before_answer, double limit) {
    WorkerPool pool(1, command_launcher("{}", shell_worker("3", before_answer)), {});
    return reply_of(pool, limit);
  };
  const Reply hanging = first_of("sleep 1000", 0.3);
  CHECK(hanging.kind == Reply::Kind::died);
  CHECK(hanging.error.message == "its worker died: it did not answer in time");
  const Reply dying = first_of("echo out of luck >&2; exit 3", 30);
  CHECK(dying.kind == Reply::Kind::died);
  CHECK(dying.error.message == "its worker died: it ended with exit code 3; its last words: \"out of luck\"");
  const Reply babbling = first_of("echo mail for you", 30);
  CHECK(babbling.kind == Reply::Kind::died);
  CHECK(babbling.error.message == "its worker died: it broke the protocol: not a JSON object: \"mail for you\"");
}

TEST_CASE("nothing that a command started outlives its worker") {
  const TemporaryFile file("genoform-launch-pid");
  std::string pid;
  {
    WorkerPool pool(1, command_launcher("sleep 1000 & echo $! >" + in_shell(file.path()) + "; {}", shell_worker()), {});
    CHECK(reply_of(pool).kind == Reply::Kind::answer);
    std::ifstream(file.path()) >> pid;
    REQUIRE(runs(pid));
  }
  for (int i = 0; i < 100 && runs(pid); ++i) ::usleep(10'000);
  CHECK_FALSE(runs(pid));
}

TEST_CASE("a worker that comes later joins, and those that cannot come are asked for more and more rarely") {
  const TemporaryFile door("genoform-launch-door"), log("genoform-launch-log");
  const std::string command = "test {n} = 0 || test -e " + in_shell(door.path()) + " || { echo x >>" + in_shell(log.path()) +
                              "; echo closed >&2; exit 1; }; {}";
  std::vector<std::string> losses;
  WorkerPool pool(2, command_launcher(command, shell_worker()), {});
  pool.on_loss([&](const std::string& what) { losses.push_back(what); });
  const auto start = std::chrono::steady_clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  while (losses.size() < 3 && seconds() < 60) {
    pool.wait(0.05);
    if (!pool.idle().empty()) CHECK(pool.idle() == std::vector<int>{0});
  }
  REQUIRE(losses.size() == 3);
  CHECK(losses.front() == "worker 1: it ended with exit code 1; its last words: \"closed\"");
  CHECK(seconds() >= 0.5);  // none before the second start, half a second before the third
  CHECK(std::filesystem::file_size(log.path()) == 6);
  std::ofstream(door.path()) << "open";
  while (pool.idle().size() < 2 && seconds() < 60) pool.wait(0.05);
  CHECK(pool.idle() == std::vector<int>{0, 1});
}

TEST_CASE("the machine of the first worker that is there is the reference") {
  WorkerPool pool(3, command_launcher("test {n} = 1 || sleep 0.5; test {n} = 2 && exit 5; " + shell_worker("3", ":", "m{n}"), ""),
                  {});
  CHECK_FALSE(pool.is_settled());
  while (pool.idle().size() < 2 || !pool.is_settled()) pool.wait(0.05);
  CHECK(pool.reference_machine() == "m1");
  CHECK(pool.machine_of(0) == "m0");
  CHECK(pool.machine_of(2).empty());
  CHECK(workers_that_measure(pool) == 1);
}
