#include <variant>

#include "bindings/bridge.hpp"
#include "stream/streaming_query.hpp"

namespace velaria::bindings {
namespace {

using stream::StreamingQuery;
using stream::Subscription;

py::dict ToDict(const contract::Progress& progress) {
  py::dict out;
  contract::VisitProgress(progress,
                          [&](const char* name, const auto& value) { out[name] = value; });
  return out;
}

/// All emissions of a subscription as a reader; letting go of it ends the subscription.
class SubscriptionReader final : public arrow::RecordBatchReader {
 public:
  explicit SubscriptionReader(std::shared_ptr<Subscription> subscription)
      : subscription_(std::move(subscription)) {}
  ~SubscriptionReader() override { subscription_->Close(); }
  std::shared_ptr<arrow::Schema> schema() const override { return subscription_->schema(); }
  Status ReadNext(std::shared_ptr<arrow::RecordBatch>* batch) override {
    *batch = nullptr;
    return subscription_->Next(std::chrono::milliseconds(-1), batch).status();
  }

 private:
  const std::shared_ptr<Subscription> subscription_;
};

stream::StopMode StopModeOf(const std::string& mode) {
  if (mode == "drain") return stream::StopMode::kDrain;
  if (mode == "now") return stream::StopMode::kNow;
  Raise(Fail(ErrorCode::kBadParameter, "unknown stop mode: " + mode, "Use drain or now."));
}

}  // namespace

void RegisterStream(py::module_& module) {
  py::class_<Subscription, std::shared_ptr<Subscription>>(module, "Subscription")
      .def_property_readonly("schema",
                             [](const Subscription& self) { return WrapSchema(self.schema()); })
      .def(
          "next",
          [](Subscription& self, int64_t timeout_ms) -> py::object {
            std::shared_ptr<arrow::RecordBatch> batch;
            const auto got = Check(
                Unlocked([&] { return self.Next(std::chrono::milliseconds(timeout_ms), &batch); }));
            if (got == Subscription::Got::kEnd) throw py::stop_iteration();
            return got == Subscription::Got::kBatch ? WrapBatch(batch) : py::none();
          },
          py::arg("timeout_ms"))
      .def("reader",
           [](const std::shared_ptr<Subscription>& self) {
             return WrapReader(std::make_shared<SubscriptionReader>(self));
           })
      .def("close", [](Subscription& self) { Unlocked([&] { self.Close(); }); });

  py::class_<StreamingQuery, std::shared_ptr<StreamingQuery>>(module, "StreamingQuery")
      .def_property_readonly("query_id",
                             [](const StreamingQuery& self) { return self.spec().query_id; })
      .def_property_readonly("name", [](const StreamingQuery& self) { return self.spec().name; })
      .def_property_readonly("sql", [](const StreamingQuery& self) { return self.spec().sql; })
      .def_property_readonly(
          "schema", [](const StreamingQuery& self) { return WrapSchema(self.spec().schema); })
      .def_property_readonly(
          "status",
          [](const StreamingQuery& self) {
            return std::string(stream::StatusName(Unlocked([&] { return self.status(); })));
          })
      .def("start", [](StreamingQuery& self) { Unlocked([&] { self.Start(); }); })
      .def("progress",
           [](const StreamingQuery& self) {
             return ToDict(Unlocked([&] { return self.progress(); }));
           })
      .def("snapshot_json",
           [](const StreamingQuery& self) {
             return Unlocked([&] { return contract::ToJson(self.progress()); });
           })
      .def("failure",
           [](const StreamingQuery& self) {
             Check(Unlocked([&] { return self.failure(); }), self.spec().sql);
           })
      .def(
          "stop",
          [](StreamingQuery& self, const std::string& mode, int64_t timeout_ms) {
            const auto stop_mode = StopModeOf(mode);
            const std::chrono::milliseconds timeout(timeout_ms);
            return ToDict(Unlocked([&] { return self.Stop(stop_mode, timeout); }));
          },
          py::arg("mode") = "drain", py::arg("timeout_ms") = 30000)
      .def(
          "await_termination",
          [](StreamingQuery& self, std::optional<int64_t> timeout_ms) {
            return Unlocked([&] {
              return self.AwaitTermination(std::chrono::milliseconds(timeout_ms.value_or(-1)));
            });
          },
          py::arg("timeout_ms") = py::none())
      .def("subscribe",
           [](StreamingQuery& self) { return Unlocked([&] { return self.Subscribe(); }); });
}

}  // namespace velaria::bindings
