"""The request of PayerMax's own page, to the letter."""

from __future__ import annotations

from payermax_async.core.models.link_parts import GoodsItem, MerchantInfo, UserInfo
from payermax_async.core.models.link_request import CreateLink

__all__ = ["published_example"]


def published_example(notify_url: str) -> CreateLink:
    """The request that PayerMax's PayByLink integration page shows.

    Args:
        notify_url: In place of the page's own, which is nobody's.
    """
    return CreateLink(
        merchant_link_id="paylinktest001",
        # IDR takes no decimals; the page's own amount shows it.
        total_amount="40000",
        currency="IDR",
        country="ID",
        expires_in=86_400,
        language="en",
        description="冬季新款运动鞋",
        link_description="链接收款衣物鞋帽",
        user_info=UserInfo(user_id="98", username="孟艳"),
        goods_details=(
            GoodsItem(
                goods_name="运动鞋",
                goods_description="冬季新款减震跑步运动鞋",
                quantity=2,
                price="20000",
                goods_currency="IDR",
                show_url="http://dummyimage.com/400x400",
            ),
        ),
        merchant_info=MerchantInfo(
            logo_url="http://dummyimage.com/logo/100x100",
            contact_email="i.bbnettq@qq.com",
        ),
        notify_url=notify_url,
    )
