#include "program.hpp"

int main(int argc, char** argv) { return command::run_program(argc, argv); }
