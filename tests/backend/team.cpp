#include "genoform/backend/cpu/machine/team.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <string>
#include <thread>
#include <vector>

#include "genoform/backend/cpu.hpp"
#include "genoform/genoform.hpp"
#include "genoform/model/model.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

using Net = Decoder<Stack<Block<Attention<Heads<4>>, Moe<Top2, Experts<3>, Hidden<64>>>, 1>, Vocab<256>, Width<64>, Context<64>>;

/// The gradients of a pass.
std::vector<float> gradients_of(Model<Net, Cpu>& model) {
  std::vector<Token> tokens(8 * 64);
  for (std::size_t n = 0; n < tokens.size(); ++n) tokens[n] = static_cast<Token>(n * n % 256);
  model.zero_gradients();
  model.loss_and_gradient(tokens, tokens, 8);
  return {model.gradients().begin(), model.gradients().end()};
}

/// The exit code of a child process that runs `body`, which must end by itself.
template <class Body>
int in_child(const Body& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("a team computes each part of each round once, however busy the machine is") {
  constexpr int threads = 7, rounds = 20000;
  cpu::Team team(threads);
  std::vector<int> counts(threads);
  for (int round = 1; round <= rounds; ++round) {
    team.run([&](int part) { ++counts[static_cast<std::size_t>(part)]; });
    for (const int count : counts)
      if (count != round) FAIL("a part was computed " << count << " times in " << round << " rounds");
  }
}

TEST_CASE("a team that sleeps wakes up") {
  cpu::Team team(3);
  std::atomic<int> parts{0};
  for (int round = 0; round < 3; ++round) {
    team.run([&](int) { ++parts; });
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  CHECK(parts == 9);
}

TEST_CASE("what a part throws reaches the caller once all parts are done, and the team goes on") {
  cpu::Team team(4);
  for (int failing = 0; failing < 4; ++failing) {
    std::atomic<int> done{0};
    const auto part = [&](int number) {
      if (number == failing) throw Exception({ErrorKind::resources, "part " + std::to_string(number)});
      ++done;
    };
    try {
      team.run(part);
      FAIL("nothing was thrown");
    } catch (const Exception& error) { CHECK(error.what() == "part " + std::to_string(failing)); }
    CHECK(done == 3);
  }
}

TEST_CASE("a thread of a team takes no signal but faults") {
  cpu::Team team(2);
  sigset_t blocked;
  std::atomic<bool> both_there{false};
  team.run([&](int part) {
    if (part == 1) ::pthread_sigmask(SIG_BLOCK, nullptr, &blocked), both_there = true;
    while (part == 0 && !both_there) {}  // else the caller would compute the second part
  });
  for (const int taken : {SIGINT, SIGTERM, SIGPROF, SIGUSR1, SIGCHLD}) CHECK(sigismember(&blocked, taken) == 1);
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) CHECK(sigismember(&blocked, fault) == 0);
}

TEST_CASE("a child process goes on with a model of its parent, to the same bits, and both end") {
  Model<Net, Cpu> model({.seed = 1, .backend = Cpu({.threads = 3})});
  const std::vector<float> expected = gradients_of(model);
  CHECK(in_child([&] { return gradients_of(model) == expected ? 0 : 1; }) == 0);
  CHECK(gradients_of(model) == expected);
  CHECK(in_child([] {
          const Model<Net, Cpu> other({.seed = 1, .backend = Cpu({.threads = 3})});
          return 0;
        }) == 0);
}

TEST_CASE("a handler on the stack of the thread that computes does no harm") {
  static std::atomic<int> handled{0};
  struct sigaction profile {};
  profile.sa_handler = [](int) {
    volatile char used[4096];  // a handler that calls something needs as much
    for (auto& byte : used) byte = 0x55;
    ++handled;
  };
  profile.sa_flags = SA_RESTART;
  struct sigaction before {};
  ::sigaction(SIGPROF, &profile, &before);
  const std::vector<float> expected = [] {
    Model<Net, Cpu> model({.seed = 1, .backend = Cpu({.threads = 1})});
    return gradients_of(model);
  }();
  // A timer of this thread alone, so that the handler runs where the products do.
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = SIGPROF;
  event._sigev_un._tid = ::gettid();
  timer_t timer{};
  REQUIRE(::timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
  const itimerspec often{.it_interval = {0, 200'000}, .it_value = {0, 200'000}};
  ::timer_settime(timer, 0, &often, nullptr);
  bool same = true;
  for (int i = 0; i < 100; ++i) {
    Model<Net, Cpu> model({.seed = 1, .backend = Cpu({.threads = 1})});
    same = same && gradients_of(model) == expected;
  }
  ::timer_delete(timer);
  ::sigaction(SIGPROF, &before, nullptr);
  CHECK(same);
  CHECK(handled > 100);
}
