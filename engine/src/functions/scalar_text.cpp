#include "functions/text.hpp"

namespace velaria {

void RegisterText(FunctionRegistry& registry) {
  text::Adder add(registry);
  text::RegisterCut(add);
  text::RegisterBuild(add);
  text::RegisterSearch(add);
  text::RegisterEncode(add);
  text::RegisterSimilarity(add);
  text::RegisterFormat(add);
}

}  // namespace velaria
