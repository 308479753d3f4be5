// Batches and metadata of a Flight call, to and from Python.
#include <arrow/buffer.h>
#include <arrow/ipc/dictionary.h>
#include <arrow/ipc/writer.h>
#include <arrow/python/pyarrow.h>
#include <arrow/util/compression.h>

#include <deque>

#include "bindings/flight_front.hpp"

namespace velaria::bindings {
namespace {

namespace fl = arrow::flight;
namespace ipc = arrow::ipc;

/// What pyarrow would raise: the handlers know their clients' faults by it.
[[noreturn]] void RaiseAsPyarrow(const Status& status) {
  const char* name = "ArrowException";
  if (status.IsInvalid()) name = "ArrowInvalid";
  if (status.IsIOError()) name = "ArrowIOError";
  if (status.IsCancelled()) name = "ArrowCancelled";
  if (status.IsNotImplemented()) name = "ArrowNotImplementedError";
  if (status.IsOutOfMemory()) name = "ArrowMemoryError";
  const py::object kind = py::module_::import("pyarrow").attr("lib").attr(name);
  PyErr_SetString(kind.ptr(), status.message().c_str());
  throw py::error_already_set();
}

void CheckWire(const Status& status) {
  if (!status.ok()) RaiseAsPyarrow(status);
}

/// None is none. What is no run of single bytes is refused by Python itself.
std::shared_ptr<arrow::Buffer> BytesOf(const py::handle& metadata) {
  if (metadata.is_none()) return nullptr;
  Py_buffer view;
  if (PyObject_GetBuffer(metadata.ptr(), &view, PyBUF_SIMPLE) != 0) throw py::error_already_set();
  std::string bytes(static_cast<const char*>(view.buf), static_cast<size_t>(view.len));
  PyBuffer_Release(&view);
  return arrow::Buffer::FromString(std::move(bytes));
}

py::object WrapBuffer(const std::shared_ptr<arrow::Buffer>& buffer) {
  if (!buffer) return py::none();
  PyObject* wrapped = arrow::py::wrap_buffer(buffer);
  if (wrapped == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(wrapped);
}

/// The messages that a writer makes of batches, in their order.
class Outbox final : public ipc::internal::IpcPayloadWriter {
 public:
  explicit Outbox(std::deque<fl::FlightPayload>* messages) : messages_(messages) {}
  Status WritePayload(const ipc::IpcPayload& payload) override {
    if (payload.type != ipc::MessageType::SCHEMA)  // it has gone before the first batch was there
      messages_->emplace_back(nullptr, nullptr, payload);
    return Status::OK();
  }
  Status Close() override { return Status::OK(); }

 private:
  std::deque<fl::FlightPayload>* messages_;
};

/// Batches that an iterator gives, each with metadata or without.
class PartsStream final : public fl::FlightDataStream {
 public:
  PartsStream(py::object handlers, py::iterator parts, std::shared_ptr<arrow::Schema> schema,
              ipc::IpcWriteOptions options)
      : handlers_(std::move(handlers)),
        parts_(std::move(parts)),
        schema_(std::move(schema)),
        options_(std::move(options)) {}
  ~PartsStream() override {
    const Entry entry;
    parts_.release().dec_ref();
    handlers_.release().dec_ref();
  }

  std::shared_ptr<arrow::Schema> schema() override { return schema_; }

  Result<fl::FlightPayload> GetSchemaPayload() override {
    fl::FlightPayload message;
    const ipc::DictionaryFieldMapper mapper(*schema_);
    ARROW_RETURN_NOT_OK(ipc::GetSchemaPayload(*schema_, options_, mapper, &message.ipc_message));
    ARROW_ASSIGN_OR_RAISE(writer_, ipc::internal::OpenRecordBatchWriter(
                                       std::make_unique<Outbox>(&messages_), schema_, options_));
    return message;
  }

  Result<fl::FlightPayload> Next() override {
    while (messages_.empty() && !at_end_) ARROW_RETURN_NOT_OK(TakePart());
    if (messages_.empty()) return fl::FlightPayload();
    fl::FlightPayload message = std::move(messages_.front());
    messages_.pop_front();
    return message;
  }

 private:
  /// One more part in the outbox, its metadata beside the batch and not beside dictionaries.
  Status TakePart() {
    std::shared_ptr<arrow::RecordBatch> batch;
    std::shared_ptr<arrow::Buffer> metadata;
    {
      const Entry entry;
      try {
        PyObject* next = PyIter_Next(parts_.ptr());
        if (next == nullptr && PyErr_Occurred() != nullptr) throw py::error_already_set();
        at_end_ = next == nullptr;
        if (at_end_) return Status::OK();
        const auto part = py::reinterpret_steal<py::tuple>(next);
        batch = UnwrapBatch(part[0]);
        metadata = BytesOf(part[1]);
      } catch (const std::exception& error) {
        return StatusOf(handlers_, error);
      }
    }
    ARROW_RETURN_NOT_OK(writer_->WriteRecordBatch(*batch));
    if (!messages_.empty()) messages_.back().app_metadata = std::move(metadata);
    return Status::OK();
  }

  py::object handlers_;
  py::iterator parts_;
  const std::shared_ptr<arrow::Schema> schema_;
  const ipc::IpcWriteOptions options_;
  std::deque<fl::FlightPayload> messages_;
  std::unique_ptr<ipc::RecordBatchWriter> writer_;
  bool at_end_ = false;
};

/// The batches of a reader, whose failure the handlers tell.
class ToldReader final : public arrow::RecordBatchReader {
 public:
  ToldReader(std::shared_ptr<arrow::RecordBatchReader> reader, RowFault fault)
      : reader_(std::move(reader)), fault_(std::move(fault)) {}
  std::shared_ptr<arrow::Schema> schema() const override { return reader_->schema(); }
  Status ReadNext(std::shared_ptr<arrow::RecordBatch>* batch) override {
    const Status status = reader_->ReadNext(batch);
    return status.ok() ? status : fault_(status);
  }
  Status Close() override { return reader_->Close(); }

 private:
  const std::shared_ptr<arrow::RecordBatchReader> reader_;
  const RowFault fault_;
};

std::shared_ptr<arrow::RecordBatchReader> ReaderOf(const py::object& source) {
  if (arrow::py::is_table(source.ptr())) {
    auto table = arrow::py::unwrap_table(source.ptr());
    if (table.ok()) return std::make_shared<arrow::TableBatchReader>(std::move(table).ValueOrDie());
  }
  return UnwrapReader(source);
}

}  // namespace

ipc::IpcWriteOptions WriteOptionsOf(const py::handle& options) {
  auto out = ipc::IpcWriteOptions::Defaults();
  if (options.is_none()) return out;
  const py::object name = options.attr("compression");
  if (name.is_none()) return out;
  const auto kind = arrow::util::Codec::GetCompressionType(name.cast<std::string>());
  CheckWire(kind.status());
  auto codec = arrow::util::Codec::Create(*kind);
  CheckWire(codec.status());
  out.codec = std::move(codec).ValueOrDie();
  return out;
}

std::unique_ptr<fl::FlightDataStream> StreamOf(const py::object& handlers, const py::object& given,
                                               RowFault fault) {
  const auto options = WriteOptionsOf(given.attr("options"));
  const py::object source = py::getattr(given, "source", py::none());
  if (!source.is_none()) {
    return std::make_unique<fl::RecordBatchStream>(
        std::make_shared<ToldReader>(ReaderOf(source), std::move(fault)), options);
  }
  return std::make_unique<PartsStream>(handlers, py::iter(given.attr("parts")()),
                                       UnwrapSchema(given.attr("schema")), options);
}

py::object WireReader::Schema() {
  auto schema = Use([](auto& reader) { return reader.GetSchema(); });
  CheckWire(schema.status());
  return WrapSchema(*schema);
}

py::object WireReader::ReadChunk() {
  auto chunk = Use([](auto& reader) { return reader.Next(); });
  CheckWire(chunk.status());
  if (!chunk->data && !chunk->app_metadata) throw py::stop_iteration();
  return py::cast(WireChunk{chunk->data ? WrapBatch(chunk->data) : py::none(),
                            WrapBuffer(chunk->app_metadata)});
}

void ResultSender::Write(const py::handle& metadata) {
  const auto bytes = BytesOf(metadata);
  if (!bytes) throw py::type_error("what a DoPut answers is bytes");
  CheckWire(Use([&](auto& writer) { return writer.WriteMetadata(*bytes); }));
}

void BatchSender::Begin(const py::handle& schema, const py::handle& options) {
  const auto told = UnwrapSchema(schema);
  const auto written = WriteOptionsOf(options);
  CheckWire(Use([&](auto& writer) { return writer.Begin(told, written); }));
}

void BatchSender::Write(const py::handle& batch) {
  const auto rows = UnwrapBatch(batch);
  CheckWire(Use([&](auto& writer) { return writer.WriteRecordBatch(*rows); }));
}

void BatchSender::WriteMetadata(const py::handle& metadata) {
  const auto bytes = BytesOf(metadata);
  if (!bytes) throw py::type_error("metadata is bytes");
  CheckWire(Use([&](auto& writer) { return writer.WriteMetadata(bytes); }));
}

void RegisterFlightStreams(py::module_& module) {
  py::class_<WireChunk>(module, "WireChunk")
      .def_readonly("data", &WireChunk::data)
      .def_readonly("app_metadata", &WireChunk::app_metadata);
  py::class_<WireReader>(module, "WireReader")
      .def_property_readonly("schema", &WireReader::Schema)
      .def("read_chunk", &WireReader::ReadChunk)
      .def("__iter__", [](py::object self) { return self; })
      .def("__next__", &WireReader::ReadChunk);
  py::class_<ResultSender>(module, "ResultSender").def("write", &ResultSender::Write);
  py::class_<BatchSender>(module, "BatchSender")
      .def("begin", &BatchSender::Begin, py::arg("schema"), py::arg("options") = py::none())
      .def("write_batch", &BatchSender::Write)
      .def("write_metadata", &BatchSender::WriteMetadata);
}

}  // namespace velaria::bindings
