// A Flight server in C++ with nothing behind it: what a front of that kind would cost at least.
// Prints the line that bench/processes.py waits for, and serves until it is killed.
#include <arrow/array/builder_primitive.h>
#include <arrow/flight/server.h>
#include <arrow/record_batch.h>

#include <iostream>

namespace fl = arrow::flight;

class BareFront : public fl::FlightServerBase {
 public:
  arrow::Status Open() {
    arrow::Int64Builder one;
    ARROW_RETURN_NOT_OK(one.Append(1));
    ARROW_ASSIGN_OR_RAISE(auto column, one.Finish());
    row_ =
        arrow::RecordBatch::Make(arrow::schema({arrow::field("a", arrow::int64())}), 1, {column});
    ARROW_ASSIGN_OR_RAISE(const auto location, fl::Location::ForGrpcTcp("127.0.0.1", 0));
    return Init(fl::FlightServerOptions(location));
  }

  arrow::Status DoAction(const fl::ServerCallContext&, const fl::Action&,
                         std::unique_ptr<fl::ResultStream>* results) override {
    *results = std::make_unique<fl::SimpleResultStream>(std::vector<fl::Result>{});
    return arrow::Status::OK();
  }

  arrow::Status DoGet(const fl::ServerCallContext&, const fl::Ticket&,
                      std::unique_ptr<fl::FlightDataStream>* stream) override {
    ARROW_ASSIGN_OR_RAISE(auto rows, arrow::RecordBatchReader::Make({row_}));
    *stream = std::make_unique<fl::RecordBatchStream>(std::move(rows));
    return arrow::Status::OK();
  }

 private:
  std::shared_ptr<arrow::RecordBatch> row_;
};

int main() {
  BareFront server;
  const auto opened = server.Open();
  if (!opened.ok()) {
    std::cerr << opened.ToString() << std::endl;
    return 1;
  }
  std::cout << R"({"flight": ["grpc://127.0.0.1:)" << server.port() << R"("]})" << std::endl;
  return server.Serve().ok() ? 0 : 1;
}
