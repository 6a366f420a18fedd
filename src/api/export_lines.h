#pragma once
// Each format's own part. Private to export_format.cc and its tests.
#include <string>

#include "api/export_entry.h"
#include "api/export_format.h"

namespace rowledger::api {

void append_csv_head(std::string& out);
void append_csv_lines(const ExportEntry& entry, std::string& out);
void append_cloud_event(const ExportEntry& entry, std::string& out);
void append_ocsf_event(const ExportEntry& entry, std::string& out);

}  // namespace rowledger::api
