# Readers out: a pyarrow.RecordBatchReader over a C++ reader, made without the C stream interface, behind which an error
# in mid-stream would lose the extra_info that Flight clients read.
# distutils: language = c++
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_New
from libcpp.memory cimport shared_ptr
from pyarrow.includes.libarrow cimport CRecordBatchReader
from pyarrow.lib cimport RecordBatchReader


def wrap_reader(capsule):
    """A pyarrow.RecordBatchReader that owns the reader in the capsule ("velaria.reader": a shared_ptr, taken by copy)."""
    cdef shared_ptr[CRecordBatchReader]* pointer
    pointer = <shared_ptr[CRecordBatchReader]*> PyCapsule_GetPointer(capsule, "velaria.reader")
    cdef RecordBatchReader out = RecordBatchReader.__new__(RecordBatchReader)
    out.reader = pointer[0]
    return out


def unwrap_reader(RecordBatchReader reader):
    """The C++ reader of a pyarrow.RecordBatchReader, in a capsule as above that does not own it: good while `reader` is."""
    return PyCapsule_New(&reader.reader, "velaria.reader", NULL)
