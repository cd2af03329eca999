# The extension, built with PGXS. The Makefile above calls this with PG_CONFIG set.
#
# Owns: how the sources of extension/ become appinfra.so and where it is installed. C++20 without its run time:
# PGXS links with gcc, so nothing may need libstdc++ (`make check-symbols` proves it).
# Rule to know: server headers come in as -isystem, because -Werror is for our code only.

MODULE_big = appinfra
OBJS = $(patsubst %.cpp,%.o,$(sort $(wildcard extension/*.cpp extension/*/*.cpp)))
EXTENSION = control/appinfra
MODULEDIR = extension
DATA = $(wildcard sql/install/appinfra--*.sql)
NO_INSTALLCHECK = 1

SHLIB_LINK = -lcrypto
PG_CXXFLAGS = -std=c++20 -fno-exceptions -fno-rtti -fno-threadsafe-statics -fvisibility=hidden \
	-Wall -Wextra -Werror -MMD -MP
EXTRA_CLEAN = $(OBJS:.o=.d) build/server.stamp $(wildcard build/pg.hpp*)

override with_llvm = no
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

override CPPFLAGS := -I. -Iextension $(patsubst -I%,-isystem %,$(filter-out -I. -I./,$(CPPFLAGS)))
# Our own -Wall -Wextra -Werror govern; the server's list carries options for C as well.
override CXXFLAGS := $(filter-out -Wdeclaration-after-statement -Wmissing-prototypes,$(CXXFLAGS))

# The control file alone states the version.
version := $(shell sed -nE "s/^default_version = '([^']+)'.*/\1/p" control/appinfra.control)
extension/base/installation.o: override CPPFLAGS += -DAPPINFRA_VERSION='"$(version)"'
extension/base/installation.o: control/appinfra.control

# The server's headers are most of what a file needs to compile, so they are parsed once, as
# build/pg.hpp.gch. gcc takes that for build/pg.hpp, and reads the header where it does not fit.
$(OBJS): build/pg.hpp.gch
$(OBJS): private override CXXFLAGS += -include build/pg.hpp
build/pg.hpp.gch: extension/base/pg.hpp build/server.stamp
	@echo '#include "base/pg.hpp"' >build/pg.hpp
	$(CXX) $(CXXFLAGS) $(CPPFLAGS) -x c++-header -c -o $@ build/pg.hpp

# What was made for another server is of no use: the stamp changes with PG_CONFIG.
build/server.stamp: FORCE
	@mkdir -p build
	@echo '$(PG_CONFIG) $(VERSION) $(PG_CXXFLAGS)' | cmp -s - $@ || \
		echo '$(PG_CONFIG) $(VERSION) $(PG_CXXFLAGS)' > $@
FORCE:
.PHONY: FORCE

-include $(OBJS:.o=.d)
