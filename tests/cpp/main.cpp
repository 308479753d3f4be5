// Runs every test whose name or file contains the filter (all without one), with --jobs N in N
// processes; --list prints the names only. The last line says "N passed, N failed"; the exit code
// is 1 when a test failed or the filter fits none.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <string_view>

#include "check.hpp"

namespace velaria::check {
namespace {

bool test_failed = false;

void RunTest(const TestCase& test) {
  try {
    test.run();
  } catch (const TestEnded&) {
    // REQUIRE has reported it.
  } catch (const std::exception& error) {
    ReportFailure(test.file, 0, std::string("exception: ") + error.what());
  }
}

}  // namespace

std::vector<TestCase>& AllTests() {
  static std::vector<TestCase> tests;
  return tests;
}

void ReportFailure(const char* file, int line, const std::string& message) {
  test_failed = true;
  std::cout << "  " << file << ":" << line << ": " << message << "\n";
}

struct Counts {
  int passed = 0;
  int failed = 0;
};

/// Every `step`-th of the wanted tests from the `first` on.
Counts Run(std::string_view filter, int first, int step) {
  Counts counts;
  int number = 0;
  for (const TestCase& test : AllTests()) {
    const bool wanted = std::string_view(test.name).find(filter) != std::string_view::npos ||
                        std::string_view(test.file).find(filter) != std::string_view::npos;
    if (!wanted || number++ % step != first) continue;
    test_failed = false;
    RunTest(test);
    if (test_failed) std::cout << "FAILED " << test.name << std::endl;
    ++(test_failed ? counts.failed : counts.passed);
  }
  return counts;
}

/// A process that dies without telling its counts is one failure more.
Counts RunInProcesses(std::string_view filter, int jobs) {
  int counts_of[2];
  if (pipe(counts_of) != 0) std::abort();
  for (int job = 0; job < jobs; ++job) {
    if (fork() != 0) continue;
    const Counts counts = Run(filter, job, jobs);
    const bool told = write(counts_of[1], &counts, sizeof counts) == sizeof counts;
    std::exit(told && counts.failed == 0 ? 0 : 1);
  }
  close(counts_of[1]);
  Counts all;
  Counts counts;
  int told = 0;
  for (; read(counts_of[0], &counts, sizeof counts) == sizeof counts; ++told) {
    all.passed += counts.passed;
    all.failed += counts.failed;
  }
  all.failed += jobs - told;
  for (int status = 0; wait(&status) > 0;) {
    if (status != 0 && all.failed == 0) ++all.failed;  // it fell after its last test
  }
  return all;
}

int RunAll(std::string_view filter, int jobs) {
  const Counts counts = jobs > 1 ? RunInProcesses(filter, jobs) : Run(filter, 0, 1);
  std::cout << counts.passed << " passed, " << counts.failed << " failed" << std::endl;
  return counts.failed > 0 || counts.passed == 0 ? 1 : 0;
}

}  // namespace velaria::check

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "--list") == 0) {
    for (const auto& test : velaria::check::AllTests()) std::cout << test.name << "\n";
    return 0;
  }
  int jobs = 1;
  const char* filter = "";
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--jobs") == 0 && i + 1 < argc) {
      jobs = std::atoi(argv[++i]);
    } else {
      filter = argv[i];
    }
  }
  return velaria::check::RunAll(filter, jobs);
}
