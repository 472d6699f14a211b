/* The intrusive list. */
#include "core/base/list.h"

#include "tests/support/test.h"

struct item {
    int value;
    struct tpi_list link;
};

static struct item *item_of(struct tpi_list *link) {
    return TPI_CONTAINER_OF(link, struct item, link);
}

TP_TEST(list, pops_in_the_order_of_pushes) {
    struct tpi_list list;
    struct item items[4];
    tpi_list_init(&list);
    TP_ASSERT(tpi_list_empty(&list));
    for (int i = 1; i < 4; i++) {
        items[i].value = i;
        tpi_list_push_back(&list, &items[i].link);
    }
    items[0].value = 0;
    tpi_list_push_front(&list, &items[0].link);
    for (int i = 0; i < 4; i++) TP_ASSERT_EQ_INT(item_of(tpi_list_pop_front(&list))->value, i);
    TP_ASSERT(tpi_list_pop_front(&list) == NULL);
}

TP_TEST(list, removes_from_the_middle_and_twice) {
    struct tpi_list list;
    struct item items[3];
    tpi_list_init(&list);
    for (int i = 0; i < 3; i++) tpi_list_push_back(&list, &items[i].link);
    tpi_list_remove(&items[1].link);
    tpi_list_remove(&items[1].link);
    TP_ASSERT(tpi_list_pop_front(&list) == &items[0].link);
    TP_ASSERT(tpi_list_pop_front(&list) == &items[2].link);
    TP_ASSERT(tpi_list_empty(&list));
}

TP_TEST(list, each_allows_removing_the_visited) {
    struct tpi_list list;
    struct tpi_list *link;
    struct tpi_list *spare;
    struct item items[5];
    tpi_list_init(&list);
    for (int i = 0; i < 5; i++) {
        items[i].value = i;
        tpi_list_push_back(&list, &items[i].link);
    }
    int sum = 0;
    TPI_LIST_EACH(&list, link, spare) {
        sum += item_of(link)->value;
        tpi_list_remove(link);
    }
    TP_ASSERT_EQ_INT(sum, 10);
    TP_ASSERT(tpi_list_empty(&list));
}
