// Arrow Flight's server in C++ over handlers in Python: what a call costs Python is one entry, and
// the rows of a result none. Any thread of gRPC's may call in here without the GIL.
#pragma once

#include <arrow/flight/server.h>
#include <arrow/ipc/options.h>

#include <memory>

#include "bindings/bridge.hpp"

namespace velaria::bindings {

/// Holds the GIL on a thread of gRPC's, whose Python thread state lasts as long as the thread: made
/// anew for each entry it costs a mapping of its frames' memory, and an interrupt of all cores when
/// that is unmapped.
class Entry {
  struct Kept {
    Kept();
  };
  Kept kept_;  // first, since it takes and leaves the GIL
  py::gil_scoped_acquire gil_;
};

/// One RPC as the handlers see it. `rpc` is null once that has ended: nobody asks a context after
/// its end. Used under the GIL.
struct FlightCall {
  const arrow::flight::ServerCallContext* rpc = nullptr;
  std::string method;
  py::object call = py::none();  // the handlers' own side of it
};

/// A handler's failure as the status that ends the call: by `failure(error)` of the handlers, which
/// gives its kind, text and extra_info. Under the GIL; never raises.
Status StatusOf(const py::handle& handlers, const std::exception& error);

/// pyarrow.ipc.IpcWriteOptions, of which the compression counts; None is the default.
arrow::ipc::IpcWriteOptions WriteOptionsOf(const py::handle& options);

/// What DoGet sends of what a handler gave: a reader's or a table's batches (its `source`) without
/// Python, else its `parts`, batches with metadata or None. Under the GIL.
std::unique_ptr<arrow::flight::FlightDataStream> StreamOf(const py::object& handlers,
                                                          const py::object& given);

/// A message of the client: a batch, metadata, or both; None for what it has not.
struct WireChunk {
  py::object data;
  py::object app_metadata;
};

/// The client's messages and the answers to them, while a handler is at work on them.
class WireReader {
 public:
  explicit WireReader(std::unique_ptr<arrow::flight::FlightMessageReader> reader);
  py::object Schema();
  py::object ReadChunk();
  void End() { reader_.reset(); }

 private:
  arrow::flight::FlightMessageReader& Open();
  std::unique_ptr<arrow::flight::FlightMessageReader> reader_;
};

class ResultSender {
 public:
  explicit ResultSender(std::unique_ptr<arrow::flight::FlightMetadataWriter> writer);
  void Write(const py::handle& metadata);
  void End() { writer_.reset(); }

 private:
  std::unique_ptr<arrow::flight::FlightMetadataWriter> writer_;
};

class BatchSender {
 public:
  explicit BatchSender(std::unique_ptr<arrow::flight::FlightMessageWriter> writer);
  void Begin(const py::handle& schema, const py::handle& options);
  void Write(const py::handle& batch);
  void WriteMetadata(const py::handle& metadata);
  void End() { writer_.reset(); }

 private:
  arrow::flight::FlightMessageWriter& Open();
  std::unique_ptr<arrow::flight::FlightMessageWriter> writer_;
};

void RegisterFlightStreams(py::module_& module);

}  // namespace velaria::bindings
