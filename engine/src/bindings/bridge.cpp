#include "bindings/bridge.hpp"

#include <arrow/c/bridge.h>
#include <arrow/flight/types.h>
#include <arrow/python/pyarrow.h>
#include <pybind11/gil_safe_call_once.h>

#include "contract/msgpack.hpp"

namespace velaria::bindings {
namespace {

using FlightCode = arrow::flight::FlightStatusCode;

/// A cancelled query is no Cancelled call: pyarrow's read_all takes that for Ctrl-C and interrupts
/// the program.
FlightCode FlightCodeOf(ErrorCode code) {
  if (code == ErrorCode::kDeadlineExceeded) return FlightCode::TimedOut;
  switch (static_cast<int>(code) / 1000) {
    case 5: return FlightCode::Unavailable;
    case 9: return FlightCode::Internal;
    default: return FlightCode::Failed;
  }
}

// As flight_server/errors.py cuts what goes through Python: gRPC's clients refuse 8 KiB of
// trailers.
constexpr size_t kMessageBytesMax = 800;
constexpr size_t kDetailBytesMax = 500;
constexpr size_t kHintBytesMax = 300;

/// At most so many bytes, of whole characters of UTF-8.
std::string Cut(std::string text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  const auto continues = [&](size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U;
  };
  while (bytes_max > 0 && continues(bytes_max)) --bytes_max;
  return text.substr(0, bytes_max) + "...";
}

/// Turns a kernel error in mid-stream into a Flight error that carries the code.
class FlightReader final : public arrow::RecordBatchReader {
 public:
  explicit FlightReader(std::shared_ptr<arrow::RecordBatchReader> reader)
      : reader_(std::move(reader)) {}
  std::shared_ptr<arrow::Schema> schema() const override { return reader_->schema(); }
  Status ReadNext(std::shared_ptr<arrow::RecordBatch>* batch) override {
    const Status status = Contained([&] { return reader_->ReadNext(batch); });
    if (status.ok()) return status;
    ErrorInfo info = ErrorInfoOf(status);
    info.message = Cut(std::move(info.message), kMessageBytesMax);
    info.detail = Cut(std::move(info.detail), kDetailBytesMax);
    info.hint = Cut(std::move(info.hint), kHintBytesMax);
    return arrow::flight::MakeFlightError(FlightCodeOf(info.code),
                                          CodeText(info.code) + " " + info.message,
                                          contract::ErrorToMessagePack(info));
  }
  Status Close() override { return reader_->Close(); }

 private:
  const std::shared_ptr<arrow::RecordBatchReader> reader_;
};

py::object Steal(PyObject* object) {
  if (object == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(object);
}

/// The module _reader.
const py::object& ReaderShim() {
  // Not a plain static object: the import lets go of the GIL, and who waited for it with the GIL
  // would wait for ever. Never destroyed: static objects end after the interpreter.
  PYBIND11_CONSTINIT static py::gil_safe_call_once_and_store<py::object> once;
  return once
      .call_once_and_store_result([] { return py::object(py::module_::import("velaria._reader")); })
      .get_stored();
}

template <typename T>
T CheckArrow(Result<T> result, const char* expected) {
  if (!result.ok()) throw py::type_error(std::string("expected ") + expected);
  return std::move(result).ValueOrDie();
}

}  // namespace

py::object WrapSchema(const std::shared_ptr<arrow::Schema>& schema) {
  return schema ? Steal(arrow::py::wrap_schema(schema)) : py::none();
}

py::object WrapBatch(const std::shared_ptr<arrow::RecordBatch>& batch) {
  return Steal(arrow::py::wrap_batch(batch));
}

py::object WrapTable(const std::shared_ptr<arrow::Table>& table) {
  return Steal(arrow::py::wrap_table(table));
}

py::object WrapReader(std::shared_ptr<arrow::RecordBatchReader> reader) {
  std::shared_ptr<arrow::RecordBatchReader> flight =
      std::make_shared<FlightReader>(std::move(reader));
  return ReaderShim().attr("wrap_reader")(py::capsule(&flight, "velaria.reader"));
}

std::shared_ptr<arrow::RecordBatchReader> UnwrapReader(const py::handle& reader) {
  const py::capsule held = ReaderShim().attr("unwrap_reader")(reader);
  return *held.get_pointer<std::shared_ptr<arrow::RecordBatchReader>>();
}

std::shared_ptr<arrow::Schema> UnwrapSchema(const py::handle& object) {
  return CheckArrow(arrow::py::unwrap_schema(object.ptr()), "a pyarrow.Schema");
}

std::shared_ptr<arrow::RecordBatch> UnwrapBatch(const py::handle& object) {
  return CheckArrow(arrow::py::unwrap_batch(object.ptr()), "a pyarrow.RecordBatch");
}

std::shared_ptr<arrow::RecordBatchReader> ImportStream(const py::handle& object) {
  if (!py::hasattr(object, "__arrow_c_stream__")) {
    throw py::type_error(
        "expected an object with __arrow_c_stream__, such as a pyarrow.Table or RecordBatchReader");
  }
  const py::capsule capsule = object.attr("__arrow_c_stream__")();
  auto* stream = static_cast<struct ArrowArrayStream*>(
      PyCapsule_GetPointer(capsule.ptr(), "arrow_array_stream"));
  if (stream == nullptr) throw py::error_already_set();
  return Check(arrow::ImportRecordBatchReader(stream));
}

namespace {

/// A value as Arrow takes it by itself; an integer that no BIGINT holds as UBIGINT or
/// DECIMAL(38,0).
py::object MakeScalar(const py::handle& value) {
  if (py::hasattr(value, "as_py")) return py::reinterpret_borrow<py::object>(value);
  const py::module_ arrow = py::module_::import("pyarrow");
  int overflow = 0;
  if (PyLong_Check(value.ptr())) PyLong_AsLongLongAndOverflow(value.ptr(), &overflow);
  if (overflow == 0) return arrow.attr("scalar")(value);
  const bool is_unsigned = value >= py::int_(0) && value < py::int_(1) << py::int_(64);
  return arrow.attr("scalar")(
      value, is_unsigned ? arrow.attr("uint64")() : arrow.attr("decimal128")(38, 0));
}

}  // namespace

std::vector<std::shared_ptr<arrow::Scalar>> Parameters(const py::handle& sequence) {
  std::vector<std::shared_ptr<arrow::Scalar>> out;
  if (sequence.is_none()) return out;
  for (const py::handle& value : sequence) {
    py::object scalar;
    try {
      scalar = MakeScalar(value);
    } catch (py::error_already_set& fault) {
      if (!fault.matches(PyExc_Exception)) throw;
      Raise(Fail(ErrorCode::kBadParameter,
                 "a parameter has no Arrow type, number: " + std::to_string(out.size() + 1)));
    }
    out.push_back(CheckArrow(arrow::py::unwrap_scalar(scalar.ptr()), "a pyarrow.Scalar"));
  }
  return out;
}

}  // namespace velaria::bindings
