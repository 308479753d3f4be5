#include "bindings/flight_front.hpp"

#include <arrow/flight/server_auth.h>
#include <arrow/flight/server_middleware.h>

#include <map>

namespace velaria::bindings {
namespace {

namespace fl = arrow::flight;
using fl::FlightStatusCode;

/// One entry more than those that are left, so that the thread's state stays.
class KeptThreadState {
 public:
  KeptThreadState() {
    PyGILState_Ensure();
    PyEval_SaveThread();
  }
  ~KeptThreadState() {
    if (!Py_IsInitialized()) return;
    PyEval_RestoreThread(PyGILState_GetThisThreadState());
    PyGILState_Release(PyGILState_UNLOCKED);
  }
};

Status OurFault() { return fl::MakeFlightError(FlightStatusCode::Internal, "a fault of ours"); }

constexpr const char* kMiddlewareKey = "velaria-call";

/// The kinds of failures that Flight has, by the names that the handlers give them.
const std::map<std::string, FlightStatusCode, std::less<>> kFlightKinds = {
    {"internal", FlightStatusCode::Internal},
    {"timed_out", FlightStatusCode::TimedOut},
    {"cancelled", FlightStatusCode::Cancelled},
    {"unauthenticated", FlightStatusCode::Unauthenticated},
    {"unauthorized", FlightStatusCode::Unauthorized},
    {"unavailable", FlightStatusCode::Unavailable},
    {"failed", FlightStatusCode::Failed},
};
/// Those that Arrow has besides, whose extra_info is a trailer of its own.
const std::map<std::string, arrow::StatusCode, std::less<>> kArrowKinds = {
    {"invalid", arrow::StatusCode::Invalid},
    {"not_found", arrow::StatusCode::KeyError},
    {"already_exists", arrow::StatusCode::AlreadyExists},
    {"unimplemented", arrow::StatusCode::NotImplemented},
};

py::bytes Bytes(const arrow::Buffer* buffer) {
  return buffer == nullptr ? py::bytes()
                           : py::bytes(reinterpret_cast<const char*>(buffer->data()),
                                       static_cast<size_t>(buffer->size()));
}

/// What is no UTF-8 is replaced.
py::object Text(std::string_view text) {
  return py::reinterpret_steal<py::object>(
      PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace"));
}

/// None when it went well.
py::object TextOf(const Status& status) {
  return status.ok() ? py::object(py::none()) : Text(status.message());
}

py::object ExtraOf(const Status& status) {
  const auto detail = fl::FlightStatusDetail::UnwrapStatus(status);
  return py::bytes(detail ? detail->extra_info() : std::string());
}

/// gRPC's name of it. Arrow's own list of names lacks the newest.
std::string NameOf(fl::FlightMethod method) {
  return method == fl::FlightMethod::PollFlightInfo ? "PollFlightInfo" : fl::ToString(method);
}

/// One RPC from its beginning to its end, with what the handlers made of it at its beginning.
class CallInProgress final : public fl::ServerMiddleware {
 public:
  CallInProgress(py::object* handlers, fl::FlightMethod method, const fl::ServerCallContext& rpc)
      : handlers_(handlers), method_(method), rpc_(rpc) {}

  std::string name() const override { return kMiddlewareKey; }
  /// The handlers add theirs to the context.
  void SendingHeaders(fl::AddCallHeaders*) override {}

  /// The handlers' `begin`, once; what it raises ends the call. Under the GIL.
  const py::object& Begin() {
    if (!view_) {
      view_ = py::cast(FlightCall{&rpc_, NameOf(method_)});
      try {
        handlers_->attr("begin")(view_);
      } catch (...) {
        is_refused_ = true;
        throw;
      }
    }
    return view_;
  }

  /// A DoGet's rows as the handlers gave them, some of which tell their `failure`. Under the GIL.
  void Keep(py::object rows) { rows_ = std::move(rows); }

  /// What a failure of those rows ends the call as.
  Status FaultOf(const Status& status) {
    if (is_ended_) return status;
    const Entry entry;
    try {
      if (!py::hasattr(rows_, "failure")) return status;
      return StatusOf(*handlers_, rows_.attr("failure")());
    } catch (const std::exception& error) {
      return StatusOf(*handlers_, error);
    }
  }

  /// The handlers' `completed`, once. Under the GIL; never raises.
  void End(const Status& status) {
    if (!view_ || is_ended_) return;
    is_ended_ = true;
    try {
      if (!is_refused_) handlers_->attr("completed")(view_, TextOf(status), ExtraOf(status));
    } catch (py::error_already_set& error) {
      error.discard_as_unraisable("the end of a Flight call");
    }
    view_.cast<FlightCall&>().rpc = nullptr;
    view_ = rows_ = py::object();
  }

  /// On gRPC's thread, after the handler or instead of it.
  void CallCompleted(const Status& status) override {
    if (is_ended_) return;
    const Entry entry;
    try {
      Begin();  // of a call whose message could not be read: it counts like others
    } catch (const std::exception&) {
    }
    End(status);
  }

 private:
  py::object* const handlers_;
  const fl::FlightMethod method_;
  const fl::ServerCallContext& rpc_;
  py::object view_;  // FlightCall
  py::object rows_;
  bool is_refused_ = false;
  bool is_ended_ = false;
};

CallInProgress& CallOf(const fl::ServerCallContext& rpc) {
  return *static_cast<CallInProgress*>(rpc.GetMiddleware(kMiddlewareKey));
}

/// Begins a call before its first message is read where that may be long in coming; another's
/// beginning waits for its method, so that Python is entered once.
class CallFactory final : public fl::ServerMiddlewareFactory {
 public:
  explicit CallFactory(py::object* handlers) : handlers_(handlers) {}

  Status StartCall(const fl::CallInfo& info, const fl::ServerCallContext& rpc,
                   std::shared_ptr<fl::ServerMiddleware>* middleware) override {
    auto call = std::make_shared<CallInProgress>(handlers_, info.method, rpc);
    if (info.method == fl::FlightMethod::DoPut || info.method == fl::FlightMethod::DoExchange ||
        info.method == fl::FlightMethod::Handshake) {
      const Entry entry;
      try {
        call->Begin();
      } catch (const std::exception& error) {
        const Status refused = StatusOf(*handlers_, error);
        call->End(refused);
        return refused;
      }
    }
    *middleware = std::move(call);
    return Status::OK();
  }

 private:
  py::object* const handlers_;
};

/// The handlers have looked at the headers when a call began; nothing is left to do.
class Handshake final : public fl::ServerAuthHandler {
 public:
  Status Authenticate(const fl::ServerCallContext&, fl::ServerAuthSender*,
                      fl::ServerAuthReader*) override {
    return Status::OK();
  }
  Status IsValid(const fl::ServerCallContext&, const std::string&, std::string*) override {
    return Status::OK();
  }
};

py::object Told(const fl::FlightDescriptor& descriptor) {
  if (descriptor.type == fl::FlightDescriptor::PATH) {
    py::list path;
    for (const auto& part : descriptor.path) path.append(py::bytes(part));
    return path;
  }
  return py::bytes(descriptor.cmd);
}

Result<std::unique_ptr<fl::FlightInfo>> InfoOf(const py::handle& serialized) {
  return fl::FlightInfo::Deserialize(serialized.cast<std::string_view>());
}

/// A list of FlightInfo, one by one.
class Listing final : public fl::FlightListing {
 public:
  explicit Listing(std::vector<std::unique_ptr<fl::FlightInfo>> infos) : infos_(std::move(infos)) {}
  Result<std::unique_ptr<fl::FlightInfo>> Next() override {
    if (next_ == infos_.size()) return nullptr;
    return std::move(infos_[next_++]);
  }

 private:
  std::vector<std::unique_ptr<fl::FlightInfo>> infos_;
  size_t next_ = 0;
};

class FlightFront final : public fl::FlightServerBase {
 public:
  /// `handlers` as _kernel.pyi tells them.
  explicit FlightFront(py::object handlers) : handlers_(std::move(handlers)) {}

  Status Listen(const std::string& uri) {
    ARROW_ASSIGN_OR_RAISE(const auto location, fl::Location::Parse(uri));
    fl::FlightServerOptions options(location);
    options.auth_handler = std::make_shared<Handshake>();
    options.middleware.emplace_back(kMiddlewareKey, std::make_shared<CallFactory>(&handlers_));
    return Init(options);
  }
  /// The handlers, which nobody calls any more; it may then be destroyed without the GIL.
  void Forget() { handlers_ = py::object(); }

  Status ListFlights(const fl::ServerCallContext& rpc, const fl::Criteria* criteria,
                     std::unique_ptr<fl::FlightListing>* listings) override {
    return Answer(rpc, [&](const py::object& call) -> Status {
      std::vector<std::unique_ptr<fl::FlightInfo>> infos;
      const py::bytes told(criteria == nullptr ? std::string() : criteria->expression);
      for (const auto& info : handlers_.attr("list_flights")(call, told)) {
        ARROW_ASSIGN_OR_RAISE(auto read, InfoOf(info));
        infos.push_back(std::move(read));
      }
      *listings = std::make_unique<Listing>(std::move(infos));
      return Status::OK();
    });
  }

  Status GetFlightInfo(const fl::ServerCallContext& rpc, const fl::FlightDescriptor& descriptor,
                       std::unique_ptr<fl::FlightInfo>* info) override {
    return Answer(rpc, [&](const py::object& call) {
      return InfoOf(handlers_.attr("get_flight_info")(call, Told(descriptor))).Value(info);
    });
  }

  Status PollFlightInfo(const fl::ServerCallContext& rpc, const fl::FlightDescriptor& descriptor,
                        std::unique_ptr<fl::PollInfo>* info) override {
    return Answer(rpc, [&](const py::object& call) -> Status {
      const py::object told = handlers_.attr("poll_flight_info")(call, Told(descriptor));
      return fl::PollInfo::Deserialize(told.cast<std::string_view>()).Value(info);
    });
  }

  Status GetSchema(const fl::ServerCallContext& rpc, const fl::FlightDescriptor& descriptor,
                   std::unique_ptr<fl::SchemaResult>* schema) override {
    return Answer(rpc, [&](const py::object& call) -> Status {
      const py::object told = handlers_.attr("get_schema")(call, Told(descriptor));
      return fl::SchemaResult::Make(*UnwrapSchema(told)).Value(schema);
    });
  }

  Status DoGet(const fl::ServerCallContext& rpc, const fl::Ticket& ticket,
               std::unique_ptr<fl::FlightDataStream>* stream) override {
    return Enter(rpc, [&](const py::object& call) {
      CallInProgress& of = CallOf(rpc);
      const py::object rows = handlers_.attr("do_get")(call, py::bytes(ticket.ticket));
      of.Keep(rows);
      *stream = StreamOf(handlers_, rows, [&of](const Status& fault) { return of.FaultOf(fault); });
      return Status::OK();
    });
  }

  Status DoPut(const fl::ServerCallContext& rpc, std::unique_ptr<fl::FlightMessageReader> reader,
               std::unique_ptr<fl::FlightMetadataWriter> writer) override {
    return Converse<ResultSender>(rpc, "do_put", std::move(reader), std::move(writer));
  }

  Status DoExchange(const fl::ServerCallContext& rpc,
                    std::unique_ptr<fl::FlightMessageReader> reader,
                    std::unique_ptr<fl::FlightMessageWriter> writer) override {
    return Converse<BatchSender>(rpc, "do_exchange", std::move(reader), std::move(writer));
  }

  Status DoAction(const fl::ServerCallContext& rpc, const fl::Action& action,
                  std::unique_ptr<fl::ResultStream>* results) override {
    return Answer(rpc, [&](const py::object& call) {
      std::vector<fl::Result> told;
      const py::object given =
          handlers_.attr("do_action")(call, py::bytes(action.type), Bytes(action.body.get()));
      for (const auto& body : given)
        told.push_back({arrow::Buffer::FromString(body.cast<std::string>())});
      *results = std::make_unique<fl::SimpleResultStream>(std::move(told));
      return Status::OK();
    });
  }

  Status ListActions(const fl::ServerCallContext& rpc,
                     std::vector<fl::ActionType>* actions) override {
    return Answer(rpc, [&](const py::object& call) {
      for (const auto& action : handlers_.attr("list_actions")(call)) {
        auto [name, summary] = action.cast<std::pair<std::string, std::string>>();
        actions->push_back({std::move(name), std::move(summary)});
      }
      return Status::OK();
    });
  }

 private:
  /// Runs `body` with the call as the handlers see it, under the GIL.
  template <typename Body>
  Status Enter(const fl::ServerCallContext& rpc, Body body) {
    const Entry entry;
    return Entered(CallOf(rpc), body);
  }

  /// The same for a call that is over for the handlers when `body` is.
  template <typename Body>
  Status Answer(const fl::ServerCallContext& rpc, Body body) {
    const Entry entry;
    CallInProgress& call = CallOf(rpc);
    const Status status = Entered(call, body);
    call.End(status);
    return status;
  }

  template <typename Body>
  Status Entered(CallInProgress& call, Body body) {
    try {
      return body(call.Begin());
    } catch (const std::exception& error) {
      return StatusOf(handlers_, error);
    }
  }

  template <typename Writer, typename Reader, typename Wire>
  Status Converse(const fl::ServerCallContext& rpc, const char* method,
                  std::unique_ptr<Reader> reader, std::unique_ptr<Wire> wire) {
    return Answer(rpc, [&](const py::object& call) {
      const fl::FlightDescriptor descriptor = reader->descriptor();
      const py::object in = py::cast(std::make_unique<WireReader>(std::move(reader)));
      const py::object out = py::cast(std::make_unique<Writer>(std::move(wire)));
      const auto end = [&] {
        in.cast<WireReader&>().End();
        out.cast<Writer&>().End();
      };
      try {
        handlers_.attr(method)(call, Told(descriptor), in, out);
      } catch (...) {
        end();
        throw;
      }
      end();
      return Status::OK();
    });
  }

  py::object handlers_;
};

/// The server from its making to its end; used under the GIL, which its threads need to end.
class FrontHandle {
 public:
  FrontHandle(const std::string& uri, py::object handlers)
      : front_(std::make_unique<FlightFront>(std::move(handlers))) {
    const Status status = Unlocked([&] { return front_->Listen(uri); });
    if (status.ok()) {
      port_ = front_->port();
      return;
    }
    Destroy(std::move(front_));
    PyErr_SetString(PyExc_OSError, status.message().c_str());
    throw py::error_already_set();
  }
  FrontHandle(const FrontHandle&) = delete;
  ~FrontHandle() { Shutdown(); }

  int Port() const { return port_; }

  /// Waits for the calls under way.
  void Shutdown() {
    auto front = std::move(front_);  // who comes second waits for nothing
    if (!front) return;
    // What fails here has no server any more.
    Unlocked([&] { return front->Shutdown().ok(); });
    Destroy(std::move(front));
  }

 private:
  static void Destroy(std::unique_ptr<FlightFront> front) {
    front->Forget();
    const py::gil_scoped_release release;
    front.reset();
  }

  std::unique_ptr<FlightFront> front_;
  int port_ = 0;
};

}  // namespace

Entry::Kept::Kept() { static thread_local const KeptThreadState state; }

Status StatusOf(const py::handle& handlers, const std::exception& error) {
  const auto* raised = dynamic_cast<const py::error_already_set*>(&error);
  try {
    return StatusOf(handlers, raised != nullptr ? raised->value()
                                                : py::reinterpret_borrow<py::object>(
                                                      PyExc_RuntimeError)(error.what()));
  } catch (const std::exception&) {
    return OurFault();
  }
}

Status StatusOf(const py::handle& handlers, const py::object& fault) {
  try {
    const py::tuple told = handlers.attr("failure")(fault);
    const auto kind = told[0].cast<std::string>();
    const auto text = told[1].cast<std::string>();
    const auto flight = kFlightKinds.find(kind);
    // Not IOError, as Flight's own have it: pyarrow's get_schema looks at that alone.
    if (flight != kFlightKinds.end())
      return Status(
          arrow::StatusCode::UnknownError, text,
          std::make_shared<fl::FlightStatusDetail>(flight->second, told[2].cast<std::string>()));
    return Status(kArrowKinds.at(kind), text);
  } catch (const std::exception&) {
    return OurFault();
  }
}

void RegisterFlightFront(py::module_& module) {
  RegisterFlightStreams(module);
  py::class_<FlightCall>(module, "FlightCall")
      .def_readonly("method", &FlightCall::method)
      .def_readwrite("call", &FlightCall::call)
      .def(
          "headers",
          [](const FlightCall& self) {
            py::list headers;
            if (self.rpc == nullptr) return headers;
            for (const auto& [name, value] : self.rpc->incoming_headers())
              headers.append(py::make_tuple(
                  Text(name), name.ends_with("-bin") ? py::object(py::bytes(value)) : Text(value)));
            return headers;
          })
      .def("is_cancelled",
           [](const FlightCall& self) { return self.rpc != nullptr && self.rpc->is_cancelled(); })
      .def("peer",
           [](const FlightCall& self) {
             return self.rpc == nullptr ? std::string() : self.rpc->peer();
           })
      .def("add_header",
           [](const FlightCall& self, const std::string& name, const std::string& value) {
             if (self.rpc != nullptr) self.rpc->AddHeader(name, value);
           })
      .def("add_trailer",
           [](const FlightCall& self, const std::string& name, const std::string& value) {
             if (self.rpc != nullptr) self.rpc->AddTrailer(name, value);
           });
  py::class_<FrontHandle>(module, "FlightFront")
      .def(py::init<const std::string&, py::object>(), py::arg("uri"), py::arg("handlers"))
      .def_property_readonly("port", &FrontHandle::Port)
      .def("shutdown", &FrontHandle::Shutdown);
}

}  // namespace velaria::bindings
