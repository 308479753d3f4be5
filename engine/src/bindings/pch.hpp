// The precompiled header of the bindings.
#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/table.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
