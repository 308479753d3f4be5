#include "bindings/bridge.hpp"
#include "session/lane_plan.hpp"

namespace velaria::bindings {
namespace {

using session::FragmentCancel;
using session::LaneFragment;
using session::LaneSplit;
using session::Session;

py::list FragmentBytes(const LaneSplit& split) {
  const auto serialized = Unlocked([&] {
    std::vector<std::string> fragments;
    LaneFragment fragment = split.plan;
    for (fragment.partition = 0; fragment.partition < fragment.partition_count;
         ++fragment.partition) {
      fragments.push_back(fragment.Serialize());
    }
    return fragments;
  });
  py::list out;
  for (const auto& fragment : serialized) out.append(py::bytes(fragment));
  return out;
}

py::bytes RunFragmentBytes(const std::string& bytes, const py::dict& inputs,
                           std::optional<int> threads,
                           const std::shared_ptr<FragmentCancel>& cancel) {
  const auto fragment = Check(Unlocked([&] { return LaneFragment::Parse(bytes); }));
  std::map<std::string, std::shared_ptr<arrow::RecordBatchReader>> readers;
  for (const auto& [name, data] : inputs) readers[name.cast<std::string>()] = ImportStream(data);
  const auto snapshot =
      Check(Unlocked([&]() -> Result<std::shared_ptr<arrow::Buffer>> {
              std::map<std::string, std::vector<std::shared_ptr<arrow::RecordBatch>>> batches;
              for (const auto& [name, reader] : readers) {
                ARROW_ASSIGN_OR_RAISE(batches[name], reader->ToRecordBatches());
              }
              return session::RunFragment(fragment, batches, threads, cancel.get());
            }),
            fragment.sql);
  return py::bytes(reinterpret_cast<const char*>(snapshot->data()),
                   static_cast<size_t>(snapshot->size()));
}

py::object MergePartials(const std::string& plan_bytes, const std::vector<std::string>& partials) {
  const auto plan = Check(Unlocked([&] { return LaneFragment::Parse(plan_bytes); }));
  return WrapTable(Check(Unlocked([&]() -> Result<std::shared_ptr<arrow::Table>> {
                           std::vector<std::shared_ptr<arrow::Buffer>> snapshots;
                           for (const auto& partial : partials)
                             snapshots.push_back(std::make_shared<arrow::Buffer>(partial));
                           return session::MergeFragments(plan, snapshots);
                         }),
                         plan.sql));
}

}  // namespace

void RegisterLane(py::module_& module) {
  py::class_<LaneSplit, std::shared_ptr<LaneSplit>>(module, "PlanSplit")
      .def_property_readonly("fragments", &FragmentBytes)
      .def_property_readonly("inputs",
                             [](const LaneSplit& self) {
                               std::vector<std::string> names;
                               for (const auto& input : self.plan.inputs)
                                 names.push_back(input.name);
                               return names;
                             })
      .def_property_readonly("merge",
                             [](const LaneSplit& self) {
                               return py::bytes(Unlocked([&] { return self.plan.Serialize(); }));
                             })
      .def_property_readonly("schema",
                             [](const LaneSplit& self) { return WrapSchema(self.schema); })
      .def_readonly("reason", &LaneSplit::reason)
      .def(
          "partition",
          [](const LaneSplit& self, const std::string& table, int64_t index) {
            return WrapTable(Check(Unlocked([&] { return self.Partition(table, index); })));
          },
          py::arg("table"), py::arg("index"));
  py::class_<FragmentCancel, std::shared_ptr<FragmentCancel>>(module, "FragmentCancel")
      .def(py::init<>())
      .def("cancel", [](FragmentCancel& self) { Unlocked([&] { self.Cancel(); }); });
  py::object type = module.attr("Session");
  const auto scope = py::is_method(type);
  py::setattr(
      type, "split_plan",
      py::cpp_function(
          [](Session& self, const std::string& sql, int64_t partitions) {
            return std::make_shared<LaneSplit>(
                Check(Unlocked([&] { return session::SplitForLane(self, sql, partitions); }), sql));
          },
          py::name("split_plan"), scope, py::arg("sql"), py::arg("partitions")));
  py::setattr(type, "run_fragment",
              py::cpp_function(
                  [](Session&, const std::string& fragment, const py::dict& inputs,
                     std::optional<int> threads, const std::shared_ptr<FragmentCancel>& cancel) {
                    return RunFragmentBytes(fragment, inputs, threads, cancel);
                  },
                  py::name("run_fragment"), scope, py::arg("fragment"), py::arg("inputs"),
                  py::arg("threads") = py::none(), py::arg("cancel") = py::none()));
  py::setattr(type, "merge_partials",
              py::cpp_function(
                  [](Session&, const std::string& split, const std::vector<std::string>& partials) {
                    return MergePartials(split, partials);
                  },
                  py::name("merge_partials"), scope, py::arg("split"), py::arg("partials")));
}

}  // namespace velaria::bindings
