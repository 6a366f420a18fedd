#include "api/ui_files.h"

#include <algorithm>
#include <array>

#include "http/accept_encoding.h"

namespace rowledger::api {
namespace {

constexpr std::string_view kPage = "/index.html";
// The views' addresses begin so; their first segment is no word of the API.
constexpr std::array<std::string_view, 7> kViews = {"/rows/",     "/entries/", "/tables/",   "/insights",
                                                    "/integrity", "/access",   "/index.html"};

// Scripts, styles and fonts come from here only; nothing may be written into a script or a style, and nobody may frame
// the page. Charts are saved as blob: images.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' blob:; connect-src "
    "'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types "
    "'none'";

bool is_view(std::string_view path) {
  if (path == "/") return true;
  return std::ranges::any_of(kViews, [&](std::string_view view) {
    return view.ends_with('/') ? path.starts_with(view) && path.size() > view.size() : path == view;
  });
}

}  // namespace

std::optional<http::Response> get_ui_file(const http::Request& request, std::string_view path) {
  if (request.method != "GET" && request.method != "HEAD") return std::nullopt;
  const bool view = is_view(path);
  const auto files = ui_files();
  const auto file = std::ranges::find(files, view ? kPage : path, &UiFile::path);
  if (file == files.end()) return std::nullopt;

  http::Response out;
  out.headers = {{"Content-Type", std::string(file->type)},
                 // A file's name has the hash of its content; the page names the files.
                 {"Cache-Control", view ? "no-cache" : "public, max-age=31536000, immutable"},
                 {"X-Content-Type-Options", "nosniff"},
                 {"Cross-Origin-Resource-Policy", "same-origin"}};
  if (view) {
    out.headers.insert(out.headers.end(), {{"Content-Security-Policy", std::string(kPolicy)},
                                           {"Referrer-Policy", "same-origin"},
                                           {"Cross-Origin-Opener-Policy", "same-origin"}});
  }
  if (!file->gzip.empty()) out.headers.emplace_back("Vary", "Accept-Encoding");
  if (!file->gzip.empty() && http::takes_encoding(request.header("accept-encoding"), "gzip")) {
    out.headers.emplace_back("Content-Encoding", "gzip");
    out.body = file->gzip;
  } else {
    out.body = file->bytes;
  }
  return out;
}

}  // namespace rowledger::api
