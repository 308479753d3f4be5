// The kernel's tables as Python sees them: functions, progress fields, what this build is.
#include "bindings/bridge.hpp"
#include "contract/progress.hpp"
#include "functions/function_rows.hpp"
#include "interop/ingest_gate.hpp"
#include "session/settings.hpp"

namespace velaria::bindings {

void RegisterReference(py::module_& module) {
  py::class_<FunctionRow>(module, "FunctionRow")
      .def_readonly("name", &FunctionRow::name)
      .def_readonly("kind", &FunctionRow::kind)
      .def_readonly("signature", &FunctionRow::signature)
      .def_readonly("summary", &FunctionRow::summary)
      .def_readonly("null_rule", &FunctionRow::null_rule)
      .def_readonly("example", &FunctionRow::example)
      .def_readonly("example_result", &FunctionRow::example_result)
      .def_readonly("group", &FunctionRow::group);
  module.def("functions", &FunctionRows);
  py::class_<session::SettingRow>(module, "SettingRow")
      .def_readonly("name", &session::SettingRow::name)
      .def_readonly("default", &session::SettingRow::fallback)
      .def_property_readonly("range", &session::SettingRow::Range)
      .def_readonly("meaning", &session::SettingRow::meaning);
  module.def("settings", &session::SettingRows);
  module.def("progress_fields", [] {
    std::vector<std::tuple<std::string, std::string, std::string>> rows;
    for (const auto& field : contract::ProgressFields())
      rows.emplace_back(field.name, field.type, field.group);
    return rows;
  });
  module.def("simd_backend", [] {
#if defined(__x86_64__)
    return std::string(__builtin_cpu_supports("avx512f") ? "avx512"
                       : __builtin_cpu_supports("avx2")  ? "avx2"
                                                         : "baseline");
#else
    return std::string("baseline");
#endif
  });
  module.def(
      "validate_batch",
      [](const py::object& batch) {
        auto unwrapped = UnwrapBatch(batch);
        Check(Unlocked([&] { return interop::ValidateBatch(unwrapped, unwrapped->schema()); }));
      },
      py::arg("batch"));
}

}  // namespace velaria::bindings
