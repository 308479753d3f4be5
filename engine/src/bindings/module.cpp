#include <arrow/compute/initialize.h>
#include <arrow/python/pyarrow.h>

#include "bindings/bridge.hpp"

PYBIND11_MODULE(_kernel, module) {
  using namespace velaria::bindings;
  module.doc() = "The Velaria kernel.";
  py::module_::import("pyarrow");  // its libraries must be loaded, and its C API known, first
  if (arrow::py::import_pyarrow() != 0) throw py::error_already_set();
  const arrow::Status ready = arrow::compute::Initialize();
  if (!ready.ok()) throw py::import_error(ready.message());
  module.attr("__version__") = VELARIA_VERSION;
  RegisterErrors(module);
  RegisterReference(module);
  RegisterQuery(module);
  RegisterStream(module);
  RegisterSession(module);
  RegisterLane(module);
  RegisterFlightFront(module);
}
