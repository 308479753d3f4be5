// Between Python and the kernel: errors, Arrow objects, parameters. Functions here need the GIL;
// kernel calls run without it (Unlocked).
#pragma once

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/table.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status.hpp"

namespace velaria::bindings {

namespace py = pybind11;

/// Runs `call` with the GIL released.
template <typename Call>
auto Unlocked(Call call) {
  py::gil_scoped_release release;
  return call();
}

/// A KernelError of the class of the status' code range; `sql` gives the caret lines.
py::object ErrorOf(const Status& status, const std::string& sql);
[[noreturn]] void Raise(const py::object& error);
/// Raises the error of a status.
[[noreturn]] void Raise(const Status& status, const std::string& sql = "");
inline void Check(const Status& status, const std::string& sql = "") {
  if (!status.ok()) Raise(status, sql);
}
template <typename T>
T Check(Result<T> result, const std::string& sql = "") {
  if (!result.ok()) Raise(result.status(), sql);
  return std::move(result).ValueOrDie();
}

py::object WrapSchema(const std::shared_ptr<arrow::Schema>& schema);  // None for null
py::object WrapBatch(const std::shared_ptr<arrow::RecordBatch>& batch);
py::object WrapTable(const std::shared_ptr<arrow::Table>& table);
/// A pyarrow.RecordBatchReader whose mid-stream errors are Flight errors with extra_info.
py::object WrapReader(std::shared_ptr<arrow::RecordBatchReader> reader);
std::shared_ptr<arrow::RecordBatchReader> UnwrapReader(const py::handle& reader);
std::shared_ptr<arrow::Schema> UnwrapSchema(const py::handle& object);
std::shared_ptr<arrow::RecordBatch> UnwrapBatch(const py::handle& object);
/// Any object with __arrow_c_stream__, read through the Arrow C stream interface.
std::shared_ptr<arrow::RecordBatchReader> ImportStream(const py::handle& object);
std::vector<std::shared_ptr<arrow::Scalar>> Parameters(const py::handle& sequence);

void RegisterErrors(py::module_& module);
void RegisterReference(py::module_& module);
void RegisterQuery(py::module_& module);
void RegisterStream(py::module_& module);
void RegisterSession(py::module_& module);
void RegisterLane(py::module_& module);
void RegisterFlightFront(py::module_& module);

}  // namespace velaria::bindings
