// The folder of a file, opened step by step without following symbolic links, so that whoever may
// write somewhere in the tree cannot lead a secret out of it. Files in it are replaced atomically.
// Beside a file NAME stand its helpers: .NAME.lock, .NAME.new, and what helper() names.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/descriptor.hpp"
#include "base/secret.hpp"

namespace sidecar
{

// A text as one file name that is its own and nothing else: everything outside A-Z a-z 0-9 . _ -
// and a leading dot is percent-encoded; what would be too long ends in "~" and its SHA-256.
std::string file_name_for(std::string_view text);

class SafeDirectory
{
public:
    // Opens root/names[0]/names[1]/..., making what is missing with mode 0700. Every name must come
    // from file_name_for(). Throws a give_up Failure for a symbolic link or a file in the way, a
    // retry Failure for everything else.
    SafeDirectory(const std::string &root, const std::vector<std::string> &names, std::string file);

    // Opens the folder of the file at an absolute path, from / on, and makes nothing. Throws as the
    // constructor does.
    static SafeDirectory of_file(const std::string &path);

    // The name of the file that the folder was opened for.
    const std::string &
    file() const
    {
        return file_;
    }

    // The name of a helper of that file.
    std::string
    helper(const std::string &what) const
    {
        return "." + file_ + "." + what;
    }

    // Takes the file's lock until this object dies; throws a retry Failure when another has it.
    void lock();

    // The contents of a file; nothing when there is none. Symbolic links are refused.
    std::optional<Secret> read(const std::string &name) const;

    // Replaces a file: mode 0600, written and synced before it takes the name. Throws a retry
    // Failure; renamed says afterwards whether the new file has taken the name all the same.
    void replace(const std::string &name, std::string_view contents, bool &renamed) const;

    // Removes a file if it is there; throws a retry Failure.
    void remove(const std::string &name) const;

private:
    SafeDirectory(Descriptor folder, std::string file);

    std::string file_;
    Descriptor folder_;
    Descriptor lock_;
};

} // namespace sidecar
