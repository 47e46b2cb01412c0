// A unit for precompiled.hpp to be built with.
