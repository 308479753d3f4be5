// Runs every test whose name or file contains the filter (all without one); --list prints the names
// only. The last line says "N passed, N failed"; the exit code is 1 when a test failed or the
// filter fits none.
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

int RunAll(std::string_view filter) {
  int passed = 0;
  int failed = 0;
  for (const TestCase& test : AllTests()) {
    const bool wanted = std::string_view(test.name).find(filter) != std::string_view::npos ||
                        std::string_view(test.file).find(filter) != std::string_view::npos;
    if (!wanted) continue;
    test_failed = false;
    RunTest(test);
    if (test_failed) std::cout << "FAILED " << test.name << std::endl;
    ++(test_failed ? failed : passed);
  }
  std::cout << passed << " passed, " << failed << " failed" << std::endl;
  return failed > 0 || passed == 0 ? 1 : 0;
}

}  // namespace velaria::check

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "--list") == 0) {
    for (const auto& test : velaria::check::AllTests()) std::cout << test.name << "\n";
    return 0;
  }
  return velaria::check::RunAll(argc > 1 ? argv[1] : "");
}
