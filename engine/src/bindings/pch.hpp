// The precompiled header of the bindings.
#include <arrow/api.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
