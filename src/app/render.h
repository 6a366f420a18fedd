#pragma once
// Answers of the API as text for people. Takes the JSON that the API gives; never fails on an odd one,
// and shows what it can.
#include <string>

#include "api/json_view.h"
#include "app/terminal.h"

namespace rowledger::app {

struct RenderOptions {
  bool colour = false;
  // show: every field at its full length; otherwise long values and long lists are cut.
  bool whole = false;
};

// Each ends with a line end.
std::string render_entry(api::JsonView entry, const RenderOptions& options);
std::string render_status(api::JsonView status, const RenderOptions& options);
std::string render_row(api::JsonView answer, const RenderOptions& options);   // of .../at
std::string render_diff(api::JsonView answer, const RenderOptions& options);  // of .../diff

}  // namespace rowledger::app
