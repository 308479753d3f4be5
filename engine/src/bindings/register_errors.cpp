#include <pybind11/eval.h>

#include "bindings/bridge.hpp"
#include "contract/msgpack.hpp"
#include "sql/parser.hpp"

namespace velaria::bindings {
namespace {

/// The classes by the thousands digit of the code; defined in Python so that they pickle and print
/// like any exception.
constexpr const char* kClasses = R"py(
class KernelError(Exception):
    """A failure of the kernel; see the stub for its fields."""

    def __init__(self, code="VEL9001", message="", detail="", hint="", retry="never", line=0, column=0, caret=""):
        super().__init__(code, message, detail, hint, retry, line, column, caret)
        self.code, self.message, self.detail, self.hint = code, message, detail, hint
        self.retry, self.line, self.column, self.caret = retry, line, column, caret

    def __str__(self):
        text = f"{self.code} {self.message}"
        if self.line:
            text += f" (line {self.line}, column {self.column})"
        for part in (self.caret, self.detail, self.hint):
            if part:
                text += "\n" + part
        return text

class RequestError(KernelError): """VEL1xxx: the request."""
class SqlError(KernelError): """VEL2xxx: SQL and plan."""
class ExecutionError(KernelError): """VEL3xxx: execution."""
class SourceError(KernelError): """VEL4xxx: sources and sinks."""
class ControlError(KernelError): """VEL5xxx: transport and control."""
class InternalError(KernelError): """VEL9xxx: a fault of ours."""
for _class in (KernelError, RequestError, SqlError, ExecutionError, SourceError, ControlError, InternalError):
    _class.__module__ = "velaria._kernel"
del _class
)py";

const char* ClassOf(ErrorCode code) {
  switch (static_cast<int>(code) / 1000) {
    case 1: return "RequestError";
    case 2: return "SqlError";
    case 3: return "ExecutionError";
    case 4: return "SourceError";
    case 5: return "ControlError";
    default: return "InternalError";
  }
}

}  // namespace

py::object ErrorOf(const Status& status, const std::string& sql) {
  const ErrorInfo info = ErrorInfoOf(status);
  const py::object type = py::module_::import("velaria._kernel").attr(ClassOf(info.code));
  const std::string caret =
      sql.empty() || !info.place.known() ? "" : sql::CaretText(sql, info.place);
  return type(CodeText(info.code), info.message, info.detail, info.hint,
              RetryOf(info.code) == Retry::kLater ? "later" : "never", info.place.line,
              info.place.column, caret);
}

void Raise(const Status& status, const std::string& sql) { Raise(ErrorOf(status, sql)); }

void Raise(const py::object& error) {
  PyErr_SetObject(py::type::handle_of(error).ptr(), error.ptr());
  throw py::error_already_set();
}

void RegisterErrors(py::module_& module) {
  py::exec(kClasses, module.attr("__dict__"));
  py::class_<ErrorCodeRow>(module, "ErrorCodeRow")
      .def_property_readonly("code", [](const ErrorCodeRow& row) { return CodeText(row.code); })
      .def_property_readonly("name", [](const ErrorCodeRow& row) { return std::string(row.name); })
      .def_property_readonly(
          "retry",
          [](const ErrorCodeRow& row) { return row.retry == Retry::kLater ? "later" : "never"; })
      .def_property_readonly("meaning",
                             [](const ErrorCodeRow& row) { return std::string(row.meaning); });
  module.def("error_codes", [] { return ErrorCodeTable(); });
  module.def(
      "flight_error_payload",
      [](const py::object& error) {
        ErrorInfo info;
        const auto code = error.attr("code").cast<std::string>();
        info.code = static_cast<ErrorCode>(std::stoi(code.substr(3)));
        info.message = error.attr("message").cast<std::string>();
        info.detail = error.attr("detail").cast<std::string>();
        info.hint = error.attr("hint").cast<std::string>();
        info.place = {error.attr("line").cast<int>(), error.attr("column").cast<int>()};
        return py::bytes(contract::ErrorToMessagePack(info));
      },
      py::arg("error"));
}

}  // namespace velaria::bindings
