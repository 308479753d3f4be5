# Readers out: a pyarrow.RecordBatchReader over a C++ reader, made without the C stream interface, behind which an error
# in mid-stream would lose the extra_info that Flight clients read.
# distutils: language = c++
from cpython.pycapsule cimport PyCapsule_GetPointer
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
