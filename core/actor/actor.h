/*
 * The actor room, for the files in it and the rooms above.
 */
#ifndef TPI_ACTOR_H
#define TPI_ACTOR_H

#include "core/actor/deliver.h"
#include "core/actor/extra.h"
#include "core/actor/isolated.h"
#include "core/actor/self.h"
#include "core/actor/steps.h"
#include "core/actor/sys.h"
#include "core/actor/system.h"

#endif
