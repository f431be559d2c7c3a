"""The vendor's published examples, transcribed as they stand.

From the PayByLink integration page and the interface pages of
https://docs.payermax.com. Nothing is tidied up: the samples' oddities are what the
reading side has to live with.
"""

from __future__ import annotations

__all__ = [
    "CREATED",
    "CREATED_IN_TEST_ENVIRONMENT",
    "CREATE_REQUEST",
    "EXPIRED",
    "LINK_DETAILS",
    "LINK_NOTIFICATION",
    "ORDER",
    "REFUND_DETAILS",
]

CREATE_REQUEST = """
{
  "version": "1.4",
  "keyVersion": "1",
  "requestTime": "2022-01-22T10:00:00.500+08:00",
  "appId": "6666c8b036a24579974497c2f9a33333",
  "merchantNo": "010213834784554",
  "data": {
    "merchantLinkId": "paylinktest001",
    "linkType": "ONETIME",
    "expiresTime": "86400",
    "country": "ID",
    "currency": "IDR",
    "totalAmount": "40000",
    "language": "en",
    "description": "冬季新款运动鞋",
    "linkDescription": "链接收款衣物鞋帽",
    "userInfo": {
      "userId": "98",
      "username": "孟艳"
    },
    "goodsDetails": [
      {
        "goodsName": "运动鞋",
        "goodsDescription": "冬季新款减震跑步运动鞋",
        "quantity": "2",
        "price": "20000",
        "goodsCurrency": "IDR",
        "showUrl": "http://dummyimage.com/400x400"
      }
    ],
    "merchantInfo": {
      "logoUrl": "http://dummyimage.com/logo/100x100",
      "contactEmail": "i.bbnettq@qq.com"
    },
    "notifyUrl": "http://srprnjkx.bv/ifgarmv"
  }
}
"""

CREATED = """
{
  "code": "APPLY_SUCCESS",
  "msg": "SUCCESS.",
  "data": {
    "linkId": "iwockllp",
    "merchantLinkId": "paylinktest001",
    "linkUrl": "https://www.payermax.link/qltvlsd",
    "linkStatus": "ACTIVE",
    "qrCodeUrl": "https://www.payermax.link/imagesqrcode",
    "expiresAt": "2022-11-01T10:00:00.000+08:00"
  }
}
"""

# An answer of the test environment: plain http, a fragment, no milliseconds.
CREATED_IN_TEST_ENVIRONMENT = """
{
  "msg": "Success.",
  "code": "APPLY_SUCCESS",
  "data": {
    "linkStatus": "ACTIVE",
    "linkId": "BYLqPQaQlD",
    "qrCodeUrl": "https://img-cdn.shareitpay.in/qrcode/BYLqPQaQlD.png",
    "linkUrl": "http://uat.payermax.link/uat/#/BYLqPQaQlD",
    "merchantLinkId": "paylinktest999",
    "expiresAt": "2024-02-28T05:46:25Z"
  }
}
"""

# ACTIVE, although the link was just withdrawn.
EXPIRED = """
{
  "code": "APPLY_SUCCESS",
  "msg": "SUCCESS.",
  "data": {
    "linkId": "jyirffse",
    "merchantLinkId": "paybylinktest001",
    "linkStatus": "ACTIVE",
    "expiresAt": "2022-10-20T10:00:00.500+08:00",
    "linkUrl": "https://www.payermax.link/mtfbpomjw",
    "qrCodeUrl": "https://www.payermax.link/images/mtfbpomjwquc/qrcode"
  }
}
"""

# goodsDetails is one object although the schema says a list.
LINK_DETAILS = """
{
  "code": "APPLY_SUCCESS",
  "msg": "SUCCESS.",
  "data": {
    "linkId": "jyirffse",
    "merchantLinkId": "paybylinktest001",
    "totalAmount": "10000",
    "country": "ID",
    "currency": "IDR",
    "linkStatus": "ACTIVE",
    "expiresAt": "2022-11-22T10:00:00.500+08:00",
    "linkUrl": "https://www.payermax.link/mtfbpomjw",
    "qrCodeUrl": "https://www.payermax.link/images/mtfbpomjwquc/qrcode",
    "description": "冬季新款运动鞋",
    "linkDescription": "链接收款衣物鞋帽",
    "payByLinkInfo": [
      {
        "outTradeNo": "order2022001",
        "status": "SUCCESS",
        "completeAt": "2022-10-20T10:00:00.500+08:00",
        "paymentDetails": [
          {
            "targetOrg": "",
            "paymentMethodType": "CARD",
            "cardInfo": {
              "cardOrg": "VISA",
              "cardIdentifierNo": "625244*********9483"
            }
          }
        ]
      }
    ],
    "goodsDetails": {
      "goodsId": "ZAK1002",
      "goodsName": "MacPro 14",
      "quantity": "1",
      "price": "14999.00",
      "showUrl": "https: //xxx.xxx.com/SKU1239438283"
    }
  }
}
"""

# "active" on a link that was just paid, and a blank behind a name.
LINK_NOTIFICATION = """
{
  "code": "APPLY_SUCCESS",
  "msg": "Success.",
  "keyVersion": "1",
  "appId": "6666c8b036a24579974497c2f9a33333",
  "merchantNo": "010213834784554",
  "notifyTime": "2022-10-20T10:00:00.500+08:00",
  "notifyType": "PAYBYLINK",
  "data": {
    "linkId": "jyirffse",
    "merchantLinkId": "paybylinktest001",
    "totalAmount": "10000",
    "country": "ID",
    "currency": "IDR",
    "linkStatus": "active",
    "expiresAt": "2022-11-22T10:00:00.500+08:00",
    "linkUrl": "https://www.payermax.link/mtfbpomjw",
    "qrCodeUrl": "https://www.payermax.link/images/mtfbpomjwquc/qrcode",
    "linkDescription": "链接收款衣物鞋帽",
    "payByLinkInfo": [
      {
        "outTradeNo": "order2022001",
        "status": "SUCCESS",
        "completeAt": "2022-10-20T10:00:00.500+08:00",
        "paymentDetails": [
          {
            "targetOrg": "",
            "paymentMethodType": "CARD",
            "cardInfo": {
              "cardOrg": "VISA",
              "cardNumber ": "625244****9483"
            }
          }
        ]
      }
    ]
  }
}
"""

# Amounts as numbers, the rate as text, blanks before names, an undeclared
# paymentMethod, "*" for no organisation.
ORDER = """
{
  "code": "APPLY_SUCCESS",
  "msg": "",
  "data": {
    "reference": "020213827524152",
    "country": "SA",
    "totalAmount": 81.73,
    "outTradeNo": "P1642410680681",
    "currency": "SAR",
    "channelNo": "DOM202206080855361001660",
    "thirdChannelNo": "4ikqJ6ktEqyRawE1dvqb9c",
    "paymentCode": "2312121212",
    "status": "SUCCESS",
    "resultMsg": "",
    "createTime": "2025-06-26T12:11:36.142Z",
    "completeTime": "2025-06-26T12:12:01+00:00",
    "paymentDetails": [
      {
        "paymentMethodType": "CARD",
        "paymentMethod": "CARD",
        "targetOrg": "*",
        "payAmount": 21.79,
        "exchangeRate": "0.266611526734369",
        "payCurrency": "USD",
        "cardInfo": {
          "cardOrg": "VISA",
          " country": "SA",
          "cardIdentifierNo": "400555******0001",
          "cardIdentifierName": "**ngwei",
          "totalCardOrg": ["VISA", "MADA"],
          " paymentTokenID": "token-canary",
          "threeDSResult": {
            "threeDSVersion": "2.2.0",
            "eci": "05",
            "authenticationStatus": "Y "
          }
        }
      }
    ],
    "fees": {
      "merFee": {
        "url": "https://fees.test/1",
        "amount": "2.50",
        "currency": "SAR"
      }
    }
  }
}
"""

# totalAmount where the schema says refundAmount, a tab behind the status.
REFUND_DETAILS = """
{
  "code": "APPLY_SUCCESS",
  "msg": "Success.",
  "data": {
    "outRefundNo": "R1642410680681",
    "refundTradeNo": "20220117093455TI790000055005",
    "outTradeNo": "P1642410680681",
    "totalAmount": 28,
    "refundCurrency": "SAR",
    "status": "REFUND_PENDING\\t",
    "resultMsg": "Success"
  }
}
"""
