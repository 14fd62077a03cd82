// From text to struct config. The room's own.
#pragma once

#include "conf/config.h"
#include "conf/source.h"

// Builds and checks the configuration that `source` says, and takes the source over (it is empty
// afterwards). NULL where there was an error, be it one that was in `diagnostics` before.
const struct config *config_build(struct source *source, const char *file,
                                  enum config_access access, struct diagnostics *diagnostics);
