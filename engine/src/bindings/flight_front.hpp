// Arrow Flight's server in C++ over handlers in Python: what a call costs Python is one entry, and
// the rows of a result none. Any thread of gRPC's may call in here without the GIL.
#pragma once

#include <arrow/flight/server.h>
#include <arrow/ipc/options.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>

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
Status StatusOf(const py::handle& handlers, const py::object& fault);

/// What a failure in the middle of a result's rows is told as. Called without the GIL.
using RowFault = std::function<Status(const Status& status)>;

/// pyarrow.ipc.IpcWriteOptions, of which the compression counts; None is the default.
arrow::ipc::IpcWriteOptions WriteOptionsOf(const py::handle& options);

/// What DoGet sends of what a handler gave: a reader's or a table's batches (its `source`) without
/// Python unless they fail, else its `parts`, batches with metadata or None. Under the GIL.
std::unique_ptr<arrow::flight::FlightDataStream> StreamOf(const py::object& handlers,
                                                          const py::object& given, RowFault fault);

/// A message of the client: a batch, metadata, or both; None for what it has not.
struct WireChunk {
  py::object data;
  py::object app_metadata;
};

/// One side of a call's messages, held by Python: used by one thread at a time, and by none after
/// the call's end, which waits for who is using it. Called under the GIL, which is left meanwhile.
template <typename Side>
class WireEnd {
 public:
  explicit WireEnd(std::unique_ptr<Side> side) : side_(std::move(side)) {}

  /// What `body` makes of the side. ValueError after the call's end.
  template <typename Body>
  auto Use(Body body) {
    using Made = std::invoke_result_t<Body, Side&>;
    auto made = Unlocked([&]() -> std::optional<Made> {
      const std::lock_guard lock(mutex_);
      if (!side_) return std::nullopt;
      return body(*side_);
    });
    if (!made) throw py::value_error("the call has ended, and its messages with it");
    return *std::move(made);
  }

  void End() {
    Unlocked([&] {
      const std::lock_guard lock(mutex_);
      side_.reset();
    });
  }

 private:
  std::mutex mutex_;
  std::unique_ptr<Side> side_;
};

/// What the client sends.
class WireReader : public WireEnd<arrow::flight::FlightMessageReader> {
 public:
  using WireEnd::WireEnd;
  py::object Schema();
  py::object ReadChunk();
};

/// What a DoPut answers.
class ResultSender : public WireEnd<arrow::flight::FlightMetadataWriter> {
 public:
  using WireEnd::WireEnd;
  void Write(const py::handle& metadata);
};

/// What a DoExchange answers.
class BatchSender : public WireEnd<arrow::flight::FlightMessageWriter> {
 public:
  using WireEnd::WireEnd;
  void Begin(const py::handle& schema, const py::handle& options);
  void Write(const py::handle& batch);
  void WriteMetadata(const py::handle& metadata);
};

void RegisterFlightStreams(py::module_& module);

}  // namespace velaria::bindings
