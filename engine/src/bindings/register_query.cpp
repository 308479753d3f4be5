#include "bindings/bridge.hpp"
#include "session/session.hpp"

namespace velaria::bindings {

using session::StatementResult;

/// A statement's result with the text it came from (for carets).
struct QueryResult {
  StatementResult result;
  std::string sql;
  bool taken = false;

  std::shared_ptr<arrow::RecordBatchReader> Take() {
    if (taken) Raise(Fail(ErrorCode::kQueryState, "the rows of this statement were taken already"));
    if (!result.query && !result.rows)
      Raise(Fail(ErrorCode::kQueryState, "the statement returns no rows"));
    taken = true;
    if (result.query) return std::make_shared<session::QueryReader>(result.query);
    return result.rows;
  }
};

py::dict Statistics(const QueryResult& self) {
  py::dict out;
  if (!self.result.query) return out;
  auto& execution = self.result.query->execution();
  double wall_ms = 0;
  const auto counters = Unlocked([&] {
    wall_ms = self.result.query->wall_ms();
    return execution.Counters();
  });
  out["wall_ms"] = wall_ms;
  out["rows"] = self.result.query->row_count();
  out["peak_bytes"] = execution.query().peak_bytes();
  py::list operators;
  double cpu_ms = 0;
  for (const auto& step : counters) {
    py::dict row;
    row["pipeline"] = step.pipeline;
    row["name"] = step.name;
    row["rows_in"] = step.rows_in;
    row["rows_out"] = step.rows_out;
    row["time_ms"] = static_cast<double>(step.nanoseconds) / 1e6;
    cpu_ms += static_cast<double>(step.nanoseconds) / 1e6;
    operators.append(row);
  }
  out["cpu_ms"] = cpu_ms;
  out["operators"] = operators;
  return out;
}

void RegisterQuery(py::module_& module) {
  py::class_<QueryResult, std::shared_ptr<QueryResult>>(module, "QueryResult")
      .def_property_readonly("query_id",
                             [](const QueryResult& self) { return self.result.query_id; })
      .def_property_readonly("kind", [](const QueryResult& self) { return self.result.kind; })
      .def_property_readonly("schema",
                             [](const QueryResult& self) { return WrapSchema(self.result.schema); })
      .def_property_readonly("rows_affected",
                             [](const QueryResult& self) { return self.result.rows_affected; })
      .def_property_readonly("tag", [](const QueryResult& self) { return self.result.tag; })
      .def("reader", [](QueryResult& self) { return WrapReader(self.Take()); })
      .def("read_all",
           [](QueryResult& self) {
             auto reader = self.Take();
             return WrapTable(Check(Unlocked([&] { return reader->ToTable(); }), self.sql));
           })
      .def("failure",
           [](const QueryResult& self) -> py::object {
             if (!self.result.query) return py::none();
             const Status failure = Unlocked([&] { return self.result.query->failure(); });
             if (failure.ok()) return py::none();
             return ErrorOf(failure, self.sql);
           })
      .def("cancel",
           [](QueryResult& self) {
             if (self.result.query) Unlocked([&] { self.result.query->Cancel(); });
           })
      .def_property_readonly("state",
                             [](const QueryResult& self) {
                               if (!self.result.query) return std::string("finished");
                               return std::string(session::StateName(
                                   Unlocked([&] { return self.result.query->state(); })));
                             })
      .def_property_readonly("row_count",
                             [](const QueryResult& self) {
                               return self.result.query ? self.result.query->row_count() : 0;
                             })
      .def("statistics", &Statistics);
}

py::object MakeQueryResult(StatementResult result, std::string sql) {
  return py::cast(std::make_shared<QueryResult>(QueryResult{std::move(result), std::move(sql)}));
}

}  // namespace velaria::bindings
