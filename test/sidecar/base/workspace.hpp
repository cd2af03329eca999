// A folder of its own for a test, and what a POSIX shell makes of a command there.
#pragma once

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

class Workspace
{
public:
    Workspace()
    {
        std::string name = std::filesystem::temp_directory_path() / "appinfrad-test.XXXXXX";
        if (mkdtemp(name.data()) == nullptr)
            throw std::runtime_error("mkdtemp");
        root = name;
    }
    ~Workspace()
    {
        std::filesystem::remove_all(root);
    }
    Workspace(const Workspace &) = delete;

    std::string
    path(const std::string &name) const
    {
        return root / name;
    }

    void
    write(const std::string &name, const std::string &text) const
    {
        std::filesystem::create_directories((root / name).parent_path());
        std::ofstream(root / name, std::ios::binary) << text;
    }

    std::string
    read(const std::string &name) const
    {
        std::ifstream file(root / name, std::ios::binary);
        std::stringstream text;
        text << file.rdbuf();
        return text.str();
    }

    std::filesystem::path root;
};

// The standard output of a /bin/sh command.
inline std::string
shell(const std::string &command)
{
    FILE *pipe = popen(command.c_str(), "r");
    if (pipe == nullptr)
        throw std::runtime_error("popen");
    std::string out;
    std::array<char, 4096> part;
    while (const std::size_t got = fread(part.data(), 1, part.size(), pipe))
        out.append(part.data(), got);
    pclose(pipe);
    return out;
}
