// As many open files as the system lets this program have.
#pragma once

void descriptors_raise(void);
