#include <arrow/python/pyarrow.h>

#include "bindings/bridge.hpp"
#include "io/file_probe.hpp"
#include "session/connection.hpp"
#include "session/ingest.hpp"
#include "session/session.hpp"

namespace velaria::bindings {

py::object MakeQueryResult(session::StatementResult result, std::string sql);  // register_query.cpp

namespace {

using session::Connection;
using session::Session;
using SessionPtr = std::shared_ptr<Session>;

/// A Python callable as a reader factory. It is called, and let go of, with the GIL held.
execution::ReaderFactory FactoryOf(const py::object& callable) {
  std::shared_ptr<py::object> held(new py::object(callable), [](py::object* object) {
    py::gil_scoped_acquire acquire;
    delete object;
  });
  return [held]() -> Result<std::shared_ptr<arrow::RecordBatchReader>> {
    py::gil_scoped_acquire acquire;
    try {
      return ImportStream((*held)());
    } catch (py::error_already_set& fault) {
      ErrorInfo info{ErrorCode::kLedgerUnavailable, "the table cannot be read now"};
      if (py::hasattr(fault.value(), "code") && py::hasattr(fault.value(), "message")) {
        const auto code = py::str(fault.value().attr("code")).cast<std::string>();
        if (code.rfind("VEL", 0) == 0)
          info.code = static_cast<ErrorCode>(std::stoi(code.substr(3)));
        info.message = py::str(fault.value().attr("message")).cast<std::string>();
      }
      return MakeError(std::move(info));
    }
  };
}

/// A number as 64 bits hold it, which is out of every range when it is out of theirs.
std::optional<int64_t> NearestInteger(const std::optional<py::int_>& number) {
  if (!number) return std::nullopt;
  int overflow = 0;
  const int64_t held = PyLong_AsLongLongAndOverflow(number->ptr(), &overflow);
  if (overflow == 0) return held;
  return overflow > 0 ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min();
}

/// It may hold the last of its session, whose ending waits for threads: without the GIL, which one
/// of them may need.
template <typename T>
std::shared_ptr<T> EndingWithoutGil(std::shared_ptr<T> made) {
  T* const raw = made.get();
  return std::shared_ptr<T>(raw, [made = std::move(made)](T*) mutable {
    if (PyGILState_Check() == 0) return made.reset();
    py::gil_scoped_release release;
    made.reset();
  });
}

SessionPtr MakeSession(const std::optional<py::int_>& threads,
                       std::optional<std::vector<std::string>> allowed_roots,
                       const std::optional<py::int_>& memory_limit_bytes,
                       std::vector<std::string> closed_paths) {
  session::SessionOptions options;
  options.threads = NearestInteger(threads);
  options.allowed_roots = std::move(allowed_roots);
  options.closed_paths = std::move(closed_paths);
  options.memory_limit_bytes = NearestInteger(memory_limit_bytes);
  return EndingWithoutGil(Check(Unlocked([&] { return Session::Make(options); })));
}

Result<std::shared_ptr<session::Ingest>> OpenIngest(Session& self,
                                                    const session::IngestTarget& target,
                                                    const SchemaPtr& schema) {
  return self.OpenIngest(target, schema);
}

Result<std::shared_ptr<session::Ingest>> OpenIngest(Connection& self,
                                                    const session::IngestTarget& target,
                                                    const SchemaPtr& schema) {
  return session::Ingest::Open(self.shared_from_this(), target, schema);
}

/// The options of start_stream by name; VEL1006 for any other.
session::StreamOptions StreamOptionsOf(const py::object& given) {
  session::StreamOptions options;
  if (given.is_none()) return options;
  for (const auto& [key, value] : py::dict(given)) {
    const auto name = py::str(key).cast<std::string>();
    if (name == "start") {
      options.start = value.cast<bool>();
    } else if (name == "delivery_mode") {
      options.delivery_mode = value.cast<std::string>();
    } else {
      Raise(Fail(ErrorCode::kBadParameter, "unknown option of a streaming query: " + name,
                 "Options are start and delivery_mode."));
    }
  }
  return options;
}

py::list QueryDicts(const Session& self) {
  py::list out;
  for (const auto& row : Unlocked([&] { return self.Queries(); })) {
    py::dict entry;
    entry["query_id"] = row.query_id;
    entry["sql"] = row.sql;
    entry["state"] = row.state;
    entry["started_unix_ms"] = row.started_unix_ms;
    entry["rows"] = row.row_count;
    out.append(entry);
  }
  return out;
}

py::dict SectionsDict(const session::ExplainSections& sections) {
  py::dict out;
  out["logical"] = sections.logical;
  out["physical"] = sections.physical;
  out["strategy"] = sections.strategy;
  return out;
}

/// The seeds' fields, and behind them what a format needs to be read again.
py::dict ProbeDict(const io::ProbeResult& probe) {
  py::dict out;
  out["kind"] = probe.kind;
  out["final_format"] = probe.final_format;
  out["score"] = probe.score;
  out["confidence"] = probe.confidence;
  out["schema"] = WrapSchema(probe.schema);
  out["suggested_table_name"] = probe.suggested_table_name;
  py::list candidates;
  for (const auto& candidate : probe.candidates) {
    py::dict entry;
    entry["format"] = candidate.format;
    entry["score"] = candidate.score;
    candidates.append(entry);
  }
  out["candidates"] = candidates;
  out["warnings"] = probe.warnings;
  if (probe.delimiter) out["delimiter"] = std::string(1, *probe.delimiter);
  if (probe.kind == "line") {
    out["mode"] = "split";
    out["split_delimiter"] = probe.line.split_delimiter;
    py::list mappings;
    for (int i = 0; i < probe.schema->num_fields(); ++i) {
      mappings.append(py::make_tuple(probe.schema->field(i)->name(), i));
    }
    out["mappings"] = mappings;
  }
  if (probe.kind == "json") {
    out["format"] = probe.final_format;
    out["columns"] = probe.schema->field_names();
  }
  return out;
}

void RegisterResults(py::module_& module) {
  py::class_<logical::RelationUse>(module, "RelationUse")
      .def_property_readonly("kind", &session::UseKindName)
      .def_readonly("catalog_schema", &logical::RelationUse::schema)
      .def_readonly("name", &logical::RelationUse::name)
      .def_property_readonly("access", [](const logical::RelationUse& self) {
        return self.is_write ? "write" : "read";
      });
  py::class_<session::StatementInfo>(module, "StatementInfo")
      .def_readonly("kind", &session::StatementInfo::kind)
      .def_property_readonly(
          "schema", [](const session::StatementInfo& self) { return WrapSchema(self.schema); })
      .def_readonly("parameter_count", &session::StatementInfo::parameter_count)
      .def_property_readonly("parameter_schema",
                             [](const session::StatementInfo& self) {
                               arrow::FieldVector fields;
                               for (const auto& type : self.parameter_types) {
                                 const auto number = static_cast<int>(fields.size()) + 1;
                                 fields.push_back(arrow::field(sql::ParameterName(number), type));
                               }
                               return WrapSchema(arrow::schema(std::move(fields)));
                             })
      .def_property_readonly(
          "returns_rows", [](const session::StatementInfo& self) { return self.schema != nullptr; })
      .def_readonly("needs_connection", &session::StatementInfo::needs_connection)
      .def_property_readonly(
          "is_repeatable", [](const session::StatementInfo& info) { return info.view != nullptr; })
      .def_property_readonly("uses",
                             [](const session::StatementInfo& self) {
                               return std::vector(self.uses.begin(), self.uses.end());
                             })
      .def_property_readonly(
          "reads",
          [](const session::StatementInfo& self) { return session::ShownUses(self.uses, false); })
      .def_property_readonly("writes", [](const session::StatementInfo& self) {
        return session::ShownUses(self.uses, true);
      });
  py::class_<session::TableSummary>(module, "TableInfo")
      .def_readonly("name", &session::TableSummary::name)
      .def_readonly("catalog_schema", &session::TableSummary::catalog_schema)
      .def_readonly("bare_name", &session::TableSummary::bare_name)
      .def_readonly("kind", &session::TableSummary::kind)
      .def_property_readonly(
          "schema", [](const session::TableSummary& self) { return WrapSchema(self.schema); })
      .def_readonly("row_count", &session::TableSummary::row_count)
      .def_readonly("byte_count", &session::TableSummary::byte_count);
  py::class_<session::IndexSummary>(module, "IndexInfo")
      .def_readonly("name", &session::IndexSummary::name)
      .def_readonly("table", &session::IndexSummary::table)
      .def_readonly("columns", &session::IndexSummary::columns);
  py::class_<session::Ingest, std::shared_ptr<session::Ingest>>(module, "Ingest")
      .def_property_readonly("table", &session::Ingest::table)
      .def_property_readonly("row_count", &session::Ingest::row_count)
      .def_property_readonly("is_atomic", &session::Ingest::is_atomic)
      .def(
          "write",
          [](session::Ingest& self, const py::object& batch) {
            auto unwrapped = UnwrapBatch(batch);
            return Check(Unlocked([&] { return self.Write(std::move(unwrapped)); }));
          },
          py::arg("batch"))
      .def("commit", [](session::Ingest& self) { Check(Unlocked([&] { return self.Commit(); })); });
}

/// What a session and a connection have in common: the calls that take a statement.
template <typename Class>
void DefineStatements(Class& cls) {
  using Self = typename Class::type;
  cls.def(
         "describe",
         [](Self& self, const std::string& sql, const py::object& params, bool spares,
            bool opens_files) {
           std::optional<session::Parameters> values;
           if (!params.is_none()) values = Parameters(params);
           session::NamedRelations named;
           auto info =
               Unlocked([&] { return self.Describe(sql, values, &named, spares, opens_files); });
           if (info.ok()) return std::move(info).ValueOrDie();
           const py::object error = ErrorOf(info.status(), sql);
           error.attr("named") = py::list(py::cast(named));
           Raise(error);
         },
         py::arg("sql"), py::arg("params") = py::none(), py::arg("spares") = false,
         py::arg("opens_files") = true, py::keep_alive<0, 1>())
      .def(
          "execute",
          [](Self& self, const std::string& sql, const py::object& params,
             std::optional<std::string> query_id, const session::StatementInfo* described) {
            const auto values = Parameters(params);
            const auto view = described ? described->view : nullptr;
            auto result =
                Check(Unlocked([&] {
                        return self.Execute(sql, values, query_id.value_or(""), view.get());
                      }),
                      sql);
            return MakeQueryResult(std::move(result), sql);
          },
          py::arg("sql"), py::arg("params") = py::none(), py::arg("query_id") = py::none(),
          py::arg("described") = py::none())
      .def(
          "execute_many",
          [](Self& self, const std::string& sql, const py::object& data,
             std::optional<std::string> query_id) {
            auto reader = ImportStream(data);
            auto result = Check(Unlocked([&]() -> Result<session::StatementResult> {
                                  session::ParameterRows rows{reader->schema(), {}};
                                  ARROW_ASSIGN_OR_RAISE(rows.batches, reader->ToRecordBatches());
                                  return self.ExecuteMany(sql, rows, query_id.value_or(""));
                                }),
                                sql);
            return MakeQueryResult(std::move(result), sql);
          },
          py::arg("sql"), py::arg("data"), py::arg("query_id") = py::none())
      .def(
          "ingest",
          [](Self& self, const std::string& table, const py::object& schema,
             const std::string& mode, bool from_wire, std::optional<std::string> catalog_schema,
             bool temporary, bool atomic) {
            const auto unwrapped = UnwrapSchema(schema);
            session::IngestTarget target;
            target.table = table;
            target.schema = std::move(catalog_schema);
            target.temporary = temporary;
            target.mode = Check(session::ParseIngestMode(mode));
            target.atomic = atomic;
            target.origin = from_wire ? interop::Origin::kWire : interop::Origin::kProcess;
            return EndingWithoutGil(
                Check(Unlocked([&] { return OpenIngest(self, target, unwrapped); })));
          },
          py::arg("table"), py::arg("schema"), py::arg("mode") = "append",
          py::arg("from_wire") = false, py::arg("catalog_schema") = py::none(),
          py::arg("temporary") = false, py::arg("atomic") = false)
      .def(
          "explain",
          [](Self& self, const std::string& sql) {
            return SectionsDict(Check(Unlocked([&] { return self.Explain(sql); }), sql));
          },
          py::arg("sql"))
      .def(
          "explain_stream",
          [](Self& self, const std::string& sql) {
            return SectionsDict(Check(Unlocked([&] { return self.ExplainStream(sql); }), sql));
          },
          py::arg("sql"))
      .def(
          "start_stream",
          [](Self& self, const std::string& sql, std::optional<std::string> name,
             const py::object& options, const py::object& parameters,
             std::optional<std::string> query_id) {
            auto stream_options = StreamOptionsOf(options);
            stream_options.name = name.value_or("");
            stream_options.query_id = query_id.value_or("");
            stream_options.parameters = Parameters(parameters);
            return Check(Unlocked([&] { return self.StartStream(sql, stream_options); }), sql);
          },
          py::arg("sql"), py::arg("name") = py::none(), py::arg("options") = py::none(),
          py::arg("parameters") = py::none(), py::arg("query_id") = py::none());
}

std::shared_ptr<Connection> MakeConnection(Session& self, const std::optional<std::string>& user,
                                           bool lasts) {
  return EndingWithoutGil(
      Unlocked([&] { return self.Connect(user.value_or(session::kOnlyUser), lasts); }));
}

void RegisterConnection(py::module_& module) {
  py::class_<Connection, std::shared_ptr<Connection>> cls(module, "Connection");
  DefineStatements(cls);
  cls.def_property_readonly(
         "in_transaction",
         [](const Connection& self) { return Unlocked([&] { return self.in_transaction(); }); })
      .def_property_readonly(
          "schema", [](const Connection& self) { return Unlocked([&] { return self.path(); }); })
      .def("close", [](Connection& self) { Unlocked([&] { self.Close(); }); });
}

}  // namespace

void RegisterSession(py::module_& module) {
  RegisterResults(module);
  RegisterConnection(module);
  py::class_<Session, SessionPtr> cls(module, "Session");
  DefineStatements(cls);
  cls.def(py::init(&MakeSession), py::kw_only(), py::arg("threads") = py::none(),
          py::arg("allowed_roots") = py::none(), py::arg("memory_limit_bytes") = py::none(),
          py::arg("closed_paths") = std::vector<std::string>())
      .def("connect", &MakeConnection, py::arg("user") = py::none(), py::arg("lasts") = true)
      .def("tables", [](const Session& self) { return Unlocked([&] { return self.Tables(); }); })
      .def("indexes", [](const Session& self) { return Unlocked([&] { return self.Indexes(); }); })
      .def(
          "table",
          [](const Session& self, const std::string& name) {
            return Check(Unlocked([&] { return self.Table(name); }));
          },
          py::arg("name"))
      .def(
          "drop",
          [](Session& self, const std::string& name) {
            Check(Unlocked([&] { return self.Drop(name); }));
          },
          py::arg("name"))
      .def(
          "probe",
          [](Session& self, const std::string& path) {
            return ProbeDict(
                Check(Unlocked([&] { return io::Probe(path, self.catalog().roots()); })));
          },
          py::arg("path"))
      .def("queries", &QueryDicts)
      .def(
          "cancel",
          [](Session& self, const std::string& id) {
            return Check(Unlocked([&] { return self.Cancel(id); }));
          },
          py::arg("query_id"))
      .def(
          "register_system_table",
          [](Session& self, const std::string& name, const py::object& schema,
             const py::object& open) {
            auto unwrapped = UnwrapSchema(schema);
            auto factory = FactoryOf(open);
            Check(Unlocked([&] {
              return self.RegisterSystemTable(name, std::move(unwrapped), std::move(factory));
            }));
          },
          py::arg("name"), py::arg("schema"), py::arg("open"))
      .def(
          "register_arrow",
          [](Session& self, const std::string& name, const py::object& data, bool replace) {
            auto reader = ImportStream(data);
            Check(Unlocked([&]() -> Status {
              ARROW_ASSIGN_OR_RAISE(auto batches, reader->ToRecordBatches());
              return self.RegisterBatches(name, reader->schema(), batches, replace);
            }));
          },
          py::arg("name"), py::arg("data"), py::arg("replace") = false)
      .def(
          "create_stream",
          [](Session& self, const std::string& name, const py::object& schema) {
            auto unwrapped = UnwrapSchema(schema);
            Check(Unlocked([&] { return self.CreateStream(name, std::move(unwrapped)); }));
          },
          py::arg("name"), py::arg("schema"))
      .def(
          "functions",
          [](const Session&) { return py::module_::import("velaria._kernel").attr("functions")(); })
      .def("settings",
           [](Session& self) { return Unlocked([&] { return self.settings().All(); }); })
      .def("streaming_queries",
           [](const Session& self) { return Unlocked([&] { return self.StreamingQueries(); }); })
      .def(
          "streaming_query",
          [](const Session& self, const std::string& id) {
            return Check(Unlocked([&] { return self.FindStreamingQuery(id); }));
          },
          py::arg("id_or_name"))
      .def(
          "end_input",
          [](Session& self, const std::string& stream) {
            Check(Unlocked([&] { return self.EndInput(stream); }));
          },
          py::arg("stream"))
      .def("close", [](Session& self) { Unlocked([&] { self.Close(); }); });
}

}  // namespace velaria::bindings
