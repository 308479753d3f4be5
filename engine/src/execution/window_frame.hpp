// Frame arithmetic: which rows each row's frame begins and ends with.
#pragma once

#include "execution/window_run.hpp"

namespace velaria::execution {

/// Per place, the first place of its frame and one past the last, before anything is excluded.
struct FrameBounds {
  Places start, end;
};

/// The frame of every place is its whole partition.
bool IsWholePartition(const WindowSpec& spec, const logical::WindowFrame& frame);
bool SameFrame(const logical::WindowFrame& a, const logical::WindowFrame& b);
Result<FrameBounds> BoundsOf(const WindowSpec& spec, const logical::WindowFrame& frame,
                             const WindowRun& run, QueryContext& query);

}  // namespace velaria::execution
